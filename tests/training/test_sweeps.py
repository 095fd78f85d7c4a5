import os
import re
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from makers import write_image_folder
from pandas.testing import assert_frame_equal
from torch import nn

import labkit.training.cache
from labkit.basics.errors import UsageError
from labkit.data.datasets import load
from labkit.models.networks import MLP, LeNet5, OneConvNet, count_parameters
from labkit.training.cache import read_entry, write_entry
from labkit.training.config import TrainConfig
from labkit.training.loop import evaluate, fit
from labkit.training.sweeps import sweep

QUICK = TrainConfig(epochs=1)
GRID = {"hidden_sizes": [(4,), (8, 8)], "lr": [1e-3]}
WIDTHS = {"hidden_sizes": [(4,), (8,)]}
SEEDS = (0, 1, 2)


def assert_same(first, second):
    assert_frame_equal(first.runs.drop(columns="seconds"), second.runs.drop(columns="seconds"), check_exact=True)
    assert_frame_equal(first.epochs, second.epochs, check_exact=True)
    assert np.array_equal(first.predictions, second.predictions)
    assert np.array_equal(first.probabilities, second.probabilities)


@pytest.fixture(scope="module")
def undisturbed(tiny_digits):
    return sweep(MLP, GRID, tiny_digits, QUICK, SEEDS)


@pytest.fixture(scope="module")
def one_by_one(tiny_digits):
    return sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, engine="loop")


def test_one_row_a_run(tiny_digits):
    lines = []
    result = sweep(MLP, {"hidden_sizes": [(4,), (8,)], "epochs": [1, 2]}, tiny_digits, QUICK, [3, 5], log=lines.append)
    columns = ["parameters", "train_accuracy", "validation_accuracy", "test_accuracy", "test_loss", "seconds"]
    assert list(result.runs.columns) == ["hidden_sizes", "epochs", "seed", *columns]
    assert result.runs["seed"].tolist() == [3, 5] * 4
    assert result.runs["hidden_sizes"].tolist() == [(4,)] * 4 + [(8,)] * 4
    assert result.runs["parameters"].unique().tolist() == [count_parameters(MLP(sizes)) for sizes in [(4,), (8,)]]
    assert not result.runs.isna().any(axis=None)
    assert len(result.epochs) == 2 * (1 + 2) * 2
    assert {"hidden_sizes", "seed", "epoch", "train_loss", "validation_accuracy"} <= set(result.epochs.columns)
    assert result.computed == 8
    assert result.predictions.shape == (8, 450)
    assert result.probabilities.shape == (8, 450, 10)
    assert [line.split(":")[0] for line in lines] == [
        "4 of 8 networks trained, the last 4 together as one network",
        "hidden_sizes (4,), epochs 1",
        "8 of 8 networks trained, the last 4 together as one network",
        "hidden_sizes (4,), epochs 2",
        "hidden_sizes (8,), epochs 1",
        "hidden_sizes (8,), epochs 2",
    ]
    assert re.fullmatch(r"[^:]*: test accuracy \d+\.\d ± \d+\.\d % over 2 seeds", lines[1])


def test_an_empty_grid_is_one_setting(tiny_digits):
    lines = []
    result = sweep(LeNet5, {}, tiny_digits, QUICK, [3, 5], log=lines.append)
    assert result.runs["seed"].tolist() == [3, 5]
    assert result.select(seed=5).tolist() == [False, True]
    assert [line.split(" accuracy")[0] for line in lines[1:]] == ["LeNet5: test"]
    assert lines[0] == "2 of 2 networks trained, the last 2 together as one network"


def test_predictions_agree_with_the_table(undisturbed, tiny_digits):
    correct = undisturbed.predictions == tiny_digits.test.labels.numpy()
    assert correct.mean(1) == pytest.approx(undisturbed.runs["test_accuracy"].to_numpy())
    assert undisturbed.probabilities.astype(float).sum(2) == pytest.approx(1, abs=5e-3)


def test_every_run_has_its_own_seed(undisturbed, tiny_digits):
    alone = sweep(MLP, {"hidden_sizes": [(8, 8)], "lr": [1e-3]}, tiny_digits, QUICK, [2], engine="loop")
    assert np.allclose(alone.probabilities[0], undisturbed.probabilities[5], atol=1e-3)
    assert not np.array_equal(undisturbed.probabilities[3], undisturbed.probabilities[4])


def test_select(undisturbed):
    assert undisturbed.select(hidden_sizes=(8, 8)).tolist() == [False] * 3 + [True] * 3
    assert undisturbed.select(hidden_sizes=(4,), seed=1).tolist() == [False, True] + [False] * 4
    assert not undisturbed.select(seed=99).any()
    assert undisturbed.predictions[undisturbed.select(seed=0)].shape == (2, 450)


@pytest.mark.parametrize(
    ("grid", "seeds", "message"),
    [
        ({"hiden_sizes": [(4,)]}, [0], "'hiden_sizes' is known neither to TrainConfig nor to the network"),
        ({"seed": [0, 1]}, [0], "pass them as `seeds`"),
        ({"hidden_sizes": []}, [0], "at least one value"),
        ({"hidden_sizes": [(4,)]}, [], "at least one seed"),
    ],
)
def test_misuse_is_told_before_any_training(tiny_digits, monkeypatch, grid, seeds, message):
    monkeypatch.setattr(labkit.training.cache, "fit", None)
    with pytest.raises(UsageError, match=message):
        sweep(MLP, grid, tiny_digits, QUICK, seeds)


def test_an_unknown_engine_is_told(tiny_digits):
    with pytest.raises(UsageError, match="Engine 'fast' is not known: choose one of auto, loop"):
        sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, engine="fast")


def test_cache_gives_back_the_same(tiny_digits, undisturbed, tmp_path):
    first = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path)
    second = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path)
    assert (first.computed, second.computed) == (6, 0)
    assert_same(first, undisturbed)
    assert_same(second, undisturbed)
    assert_frame_equal(first.runs, second.runs, check_exact=True)
    assert len(list(tmp_path.iterdir())) == 6


def test_rehearsed_trainings_are_not_trained_again(tiny_digits, tmp_path, monkeypatch):
    known = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path / "known")
    monkeypatch.setenv("LABKIT_REHEARSED", str(tmp_path / "known"))
    found = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path / "own")
    assert found.computed == 0
    assert_same(found, known)
    assert not (tmp_path / "own").exists()
    assert sweep(MLP, GRID, tiny_digits, replace(QUICK, batch_size=32), SEEDS).computed == 6


def test_a_network_of_somebody_else_is_trained_whatever_is_known(tiny_digits, tmp_path, monkeypatch):
    class Own(MLP):
        pass

    sweep(Own, GRID, tiny_digits, QUICK, SEEDS, tmp_path)
    monkeypatch.setenv("LABKIT_REHEARSED", str(tmp_path))
    assert sweep(Own, GRID, tiny_digits, QUICK, SEEDS).computed == 6


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_both_engines_give_the_same_table(tiny_digits, dropout):
    grid = {"hidden_sizes": [(4,), (8,)], "lr": [1e-3, 3e-3], "dropout": [dropout]}
    together = sweep(MLP, grid, tiny_digits, QUICK, SEEDS)
    apart = sweep(MLP, grid, tiny_digits, QUICK, SEEDS, engine="loop")
    for ours, theirs in ((together.runs, apart.runs), (together.epochs, apart.epochs)):
        assert_frame_equal(
            ours.drop(columns="seconds", errors="ignore"),
            theirs[ours.columns].drop(columns="seconds", errors="ignore"),
            rtol=1e-3,
            atol=5e-3,
        )
    assert np.allclose(together.probabilities, apart.probabilities, atol=2e-3)


def test_a_network_without_room_in_an_ensemble_trains_alone(tiny_digits, monkeypatch):
    lines = []
    monkeypatch.setattr(labkit.training.together, "LARGEST_MEMBER", count_parameters(MLP((8, 8))) - 1)
    sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, log=lines.append)
    assert [line.split(":")[0] for line in lines] == [
        "3 of 6 networks trained, the last 3 together as one network",
        "hidden_sizes (4,), lr 0.001",
        "hidden_sizes (8, 8), lr 0.001",
    ]


def test_part_of_an_ensemble_in_the_cache_is_not_enough(tiny_digits, tmp_path):
    """Its other members' results would depend on which of them were trained together now."""
    first = sweep(MLP, WIDTHS, tiny_digits, QUICK, SEEDS, tmp_path)
    sorted(tmp_path.iterdir())[3].unlink()
    again = sweep(MLP, WIDTHS, tiny_digits, QUICK, SEEDS, tmp_path)
    assert again.computed == 6
    assert_same(again, first)


def test_a_run_of_another_ensemble_is_a_miss(tiny_digits, tmp_path):
    sweep(MLP, WIDTHS, tiny_digits, QUICK, SEEDS, tmp_path)
    assert sweep(MLP, WIDTHS, tiny_digits, QUICK, SEEDS[:2], tmp_path).computed == 4
    assert sweep(MLP, WIDTHS, tiny_digits, QUICK, SEEDS, tmp_path, engine="loop").computed == 6


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupted_sweep_goes_on_where_it_stopped(tiny_digits, one_by_one, tmp_path, monkeypatch, error):
    calls = []

    def fail_at_the_third(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise error
        return fit(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(labkit.training.cache, "fit", fail_at_the_third)
        with pytest.raises(error):
            sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, engine="loop")
    resumed = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, engine="loop")
    assert resumed.computed == 4
    assert_same(resumed, one_by_one)


SCRIPT = """
import sys, time
from pathlib import Path
from labkit.training.config import TrainConfig
from labkit.data.datasets import load
from labkit.models.networks import MLP
from labkit.basics.machine import set_threads
import labkit.training.cache as cache
import labkit.training.sweeps as sweeps

def slow(*arguments, fit=cache.fit, **options):
    time.sleep(0.5)
    return fit(*arguments, **options)

cache.fit = slow
set_threads()
dataset = load("mnist", "embedded", train_limit=200)
grid = {"hidden_sizes": [(4,), (8, 8)], "lr": [1e-3]}
sweeps.sweep(MLP, grid, dataset, TrainConfig(epochs=1), range(3), Path(sys.argv[1]), engine="loop")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_sweep_goes_on_where_it_stopped(tiny_digits, one_by_one, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)])
    try:
        while len(list(tmp_path.glob("*.npz"))) < 2 and process.poll() is None:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    kept = len(list(tmp_path.glob("*.npz")))
    resumed = sweep(MLP, GRID, tiny_digits, QUICK, SEEDS, tmp_path, engine="loop")
    assert 2 <= kept < 6
    assert resumed.computed == 6 - kept
    assert_same(resumed, one_by_one)


DAMAGE = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "cut by a byte": lambda content: content[:-1],
    "a flipped bit": lambda content: (
        content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
    ),
    "garbage": lambda content: os.urandom(1_000),
    "an array": lambda content: b"\x93NUMPY\x01\x00" + content,
    "a pickle": lambda content: b"\x80\x04N.",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_entry_is_computed_again_with_a_warning(tiny_digits, tmp_path, damage):
    arguments = (MLP, {"hidden_sizes": [(4,)]}, tiny_digits, QUICK, [0, 1], tmp_path, None, "loop")
    whole = sweep(*arguments)
    path = sorted(tmp_path.iterdir())[0]
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.warns(UserWarning, match=f"The cached training {path.name} is damaged"):
        mended = sweep(*arguments)
    assert mended.computed == 1
    assert_same(mended, whole)
    assert sweep(*arguments).computed == 0


def test_no_flipped_byte_goes_unseen(tmp_path):
    """Whatever byte of an entry is wrong, the entry is told to be damaged or holds what it held."""
    path = tmp_path / "entry.npz"
    rng = np.random.default_rng(0)
    probabilities = rng.random((16, 4)).astype(np.float16)
    entry = {"run": {"a": 1.5}, "epochs": [{"b": 2}], "flops": 3}
    entry |= {"predictions": np.arange(16), "probabilities": probabilities}
    write_entry(path, entry)
    whole, wrong = path.read_bytes(), []
    for place in range(len(whole)):
        for mask in (0x01, 0x55):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)
                    found = read_entry(path)
            except Exception as error:
                wrong.append((place, mask, repr(error)))
                continue
            if found is not None and not all(np.array_equal(found[key], entry[key]) for key in entry):
                wrong.append((place, mask, "other content"))
    assert wrong == []


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, images):
        return self.layer(images.flatten(1))


def other_code():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(784, 10)

        def forward(self, images):
            return -self.layer(images.flatten(1))

    return Net()


def in_a_block(kind):
    return nn.Sequential(kind)


def larger_weights(hidden_sizes):
    model = MLP(hidden_sizes)
    with torch.no_grad():
        model[1].weight *= 2
    return model


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Net, other_code),
        (lambda: in_a_block(Net()), lambda: in_a_block(other_code())),
        (lambda: MLP((4,)), lambda: MLP((5,))),
        (lambda: MLP((4,)), lambda: MLP((4,), activation="tanh")),
        (lambda: MLP((4,)), lambda: larger_weights((4,))),
    ],
    ids=["code", "code of a block", "sizes", "activation", "initial weights"],
)
def test_another_network_is_a_miss(tiny_digits, tmp_path, first, second):
    assert sweep(first, {}, tiny_digits, QUICK, [0], tmp_path).computed == 1
    assert sweep(second, {}, tiny_digits, QUICK, [0], tmp_path).computed == 1
    assert sweep(second, {}, tiny_digits, QUICK, [0], tmp_path).computed == 0


@pytest.mark.parametrize(
    "change",
    [{"epochs": 2}, {"batch_size": 32}, {"optimizer": "sgd"}, {"lr": 0.01}, {"weight_decay": 0.1}, {"shuffle": False}],
    ids=str,
)
def test_another_setting_is_a_miss(tiny_digits, tmp_path, change):
    grid = {"hidden_sizes": [(4,)]}
    sweep(MLP, grid, tiny_digits, QUICK, [0], tmp_path)
    assert sweep(MLP, grid, tiny_digits, replace(QUICK, **change), [0], tmp_path).computed == 1
    assert sweep(MLP, grid, tiny_digits, QUICK, [0], tmp_path).computed == 0


@pytest.mark.parametrize("change", [{"train_limit": 201}, {"normalisation": "unit"}, {"validation": 0.2}], ids=str)
def test_other_data_is_a_miss(tiny_digits, tmp_path, change):
    grid = {"hidden_sizes": [(4,)]}
    sweep(MLP, grid, tiny_digits, QUICK, [0], tmp_path)
    other = load("mnist", "embedded", **{"train_limit": 200, **change})
    assert sweep(MLP, grid, other, QUICK, [0], tmp_path).computed == 1


def test_another_seed_or_thread_number_is_a_miss(tiny_digits, tmp_path):
    grid = {"hidden_sizes": [(4,)]}
    sweep(MLP, grid, tiny_digits, QUICK, [0], tmp_path)
    assert sweep(MLP, grid, tiny_digits, QUICK, [0, 1], tmp_path, engine="loop").computed == 1
    torch.set_num_threads(torch.get_num_threads() + 1)
    assert sweep(MLP, grid, tiny_digits, QUICK, [0], tmp_path).computed == 1


def test_runs_are_a_plain_table(undisturbed):
    means = undisturbed.runs.groupby("hidden_sizes")["test_accuracy"].agg(["mean", "std", "count"])
    assert means["count"].tolist() == [3, 3]
    assert isinstance(undisturbed.runs, pd.DataFrame)


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_networks_get_the_number_of_the_datasets_classes(tmp_path, classes):
    write_image_folder(tmp_path, [f"class {number}" for number in range(classes)], train=4, test=1)
    own = load("mnist", tmp_path)
    result = sweep(MLP, {"hidden_sizes": [(5,), (6,)]}, own, TrainConfig(epochs=1, batch_size=1_000), [0, 1])
    assert result.probabilities.shape == (4, classes, classes)
    fixed = sweep(lambda hidden: MLP((hidden,), num_classes=classes), {"hidden": [5]}, own, TrainConfig(epochs=1), [0])
    assert fixed.probabilities.shape == (1, classes, classes)


@pytest.mark.parametrize("engine", ["auto", "loop"])
def test_without_a_validation_split_training_goes_on_and_measures_the_others(engine, tmp_path):
    whole = load("mnist", "embedded", validation=0, train_limit=200)
    for _ in range(2):  # trained, and found again
        result = sweep(MLP, WIDTHS, whole, QUICK, (0, 1), tmp_path, engine=engine)
        assert result.runs["validation_accuracy"].isna().all()
        assert result.epochs[["validation_loss", "validation_accuracy"]].isna().all(axis=None)
        assert result.runs[["train_accuracy", "test_accuracy"]].notna().all(axis=None)
    assert result.computed == 0


def test_accuracies_in_percent_stand_beside_the_name_of_each_network(undisturbed):
    percent = undisturbed.percent
    assert percent["network"].tolist() == ["4"] * 3 + ["8-8"] * 3
    assert percent["test"].tolist() == (100 * undisturbed.runs["test_accuracy"]).tolist()
    assert "network" not in undisturbed.runs
    assert undisturbed.epochs["network"].tolist() == ["4"] * 3 + ["8-8"] * 3


def test_networks_without_hidden_sizes_get_no_name(tiny_digits):
    lone = sweep(lambda num_classes: MLP((4,), num_classes=num_classes), {}, tiny_digits, QUICK, [0])
    assert "network" not in lone.percent
    assert lone.percent["validation"].tolist() == (100 * lone.runs["validation_accuracy"]).tolist()


@pytest.mark.parametrize("build", [lambda num_classes: MLP((4,), num_classes=num_classes), LeNet5, OneConvNet])
def test_each_network_is_the_one_that_its_seed_gives(build, tiny_digits):
    config = TrainConfig(epochs=1, batch_size=32)
    first, second = sweep(build, {}, tiny_digits, config, [0, 1], keep=True).trained()
    torch.manual_seed(0)
    alone = build(num_classes=tiny_digits.num_classes)
    fit(alone, tiny_digits, config)
    for ours, expected in zip(first.parameters(), alone.parameters(), strict=True):
        assert torch.allclose(ours, expected, atol=1e-5)
    assert not torch.allclose(next(first.parameters()), next(second.parameters()), atol=1e-2)
    assert not first.training


def test_kept_networks_give_the_sweeps_predictions_whoever_trained_them(tiny_digits, tmp_path):
    """Trained now, read from the cache, or trained again where the cache holds a result without its weights."""
    arguments = (MLP, {"hidden_sizes": [(4,), (8,)]}, tiny_digits, QUICK, [0, 1], tmp_path)
    with pytest.raises(UsageError, match="keep=True"):
        sweep(*arguments).trained()
    for computed in (4, 0):
        found = sweep(*arguments, keep=True)
        assert found.computed == computed
        (network,) = found.trained(hidden_sizes=(8,), seed=1)
        again = evaluate(network, tiny_digits)
        assert np.array_equal(found.predictions[found.select(hidden_sizes=(8,), seed=1)][0], again.predictions)
    assert sweep(*arguments).computed == 0


def test_a_list_of_settings_pairs_values_that_a_grid_would_cross(tiny_digits, tmp_path):
    settings = [{"hidden_sizes": (4,), "epochs": 2}, {"hidden_sizes": (8,), "lr": 0.01}]
    found = sweep(MLP, settings, tiny_digits, QUICK, [0], tmp_path)
    assert found.runs["hidden_sizes"].tolist() == [(4,), (8,)]
    assert found.epochs.groupby("hidden_sizes").size().tolist() == [2, 1]
    alone = sweep(MLP, {"hidden_sizes": [(8,)], "lr": [0.01]}, tiny_digits, QUICK, [0], tmp_path)
    assert alone.computed == 0
    assert np.array_equal(alone.predictions[0], found.predictions[1])


class Squeezed(nn.Module):
    """Takes no batch of one image."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, images):
        return self.layer(images.squeeze().flatten(1))


@pytest.mark.parametrize("build", [Squeezed, lambda: nn.Sequential(nn.Flatten(2), Attending())])
def test_what_a_training_costs_is_counted_only_where_it_can_be(tiny_digits, tmp_path, build):
    assert sweep(build, {}, tiny_digits, QUICK, [0, 1], tmp_path).computed == 2


class Attending(nn.Module):
    """Has a layer that returns two things."""

    def __init__(self):
        super().__init__()
        self.attention, self.layer = nn.MultiheadAttention(784, 1, batch_first=True), nn.Linear(784, 10)

    def forward(self, rows):
        return self.layer(self.attention(rows, rows, rows)[0][:, 0])


@pytest.mark.parametrize("grid", [["lr"], [{"lr": 0.1}, 3], [{"lr": 0.1}, {"rate": 0.1}], []])
def test_a_list_that_holds_no_settings_is_refused(tiny_digits, grid):
    with pytest.raises(UsageError, match=r"mapping|not known|known neither|at least one"):
        sweep(MLP, grid, tiny_digits, QUICK, [0])
