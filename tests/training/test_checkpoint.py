"""An interrupted training goes on from its midst, to the result that it would have had; whatever lies in its file."""

import io
import itertools
import pickle
import warnings
from dataclasses import replace

import pytest
import torch
from test_sweeps import assert_same
from torch import nn

from labkit.basics.errors import LabkitError
from labkit.models.networks import MLP, CifarNet, LeNet5
from labkit.training import checkpoint
from labkit.training.checkpoint import Checkpoint
from labkit.training.config import TrainConfig
from labkit.training.sweeps import sweep

TWO_EPOCHS = TrainConfig(epochs=2, batch_size=100)  # two steps an epoch
SGD = replace(TWO_EPOCHS, optimizer="sgd", lr=0.05, weight_decay=1e-3, schedule="one_cycle")
WIDTHS = {"hidden_sizes": [(4,), (8,)]}


@pytest.fixture
def every_step(monkeypatch):
    """Let each step be kept."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0)
    monkeypatch.setattr(checkpoint, "LARGEST_SHARE", float("inf"))


def interrupted(monkeypatch, saves, *arguments, **options):
    """Sweep, and interrupt it right after it was kept `saves` times."""
    count = itertools.count(1)

    def save(self, state, real=Checkpoint.save):
        real(self, state)
        if next(count) == saves:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save)
        with pytest.raises(KeyboardInterrupt):
            sweep(*arguments, **options)


class Steps:
    """Count the steps of optimisers that are made from here on."""

    def __init__(self, monkeypatch):
        self.count = 0
        real = torch.optim.lr_scheduler.LRScheduler.step

        def step(schedule, *arguments):
            self.count += 1
            return real(schedule, *arguments)

        for kind in (torch.optim.lr_scheduler.LRScheduler, torch.optim.lr_scheduler.ConstantLR):
            monkeypatch.setattr(kind, "step", step)


CASES = {
    "together": (MLP, {**WIDTHS, "dropout": [0.5], "lr": [1e-3, 1e-2]}, TWO_EPOCHS, "auto"),
    "together, momentum": (MLP, WIDTHS, SGD, "auto"),
    "together, convolutions": (LeNet5, {}, replace(SGD, batch_size=64), "auto"),
    "alone": (MLP, {"hidden_sizes": [(8,)], "dropout": [0.5]}, TWO_EPOCHS, "loop"),
    "alone, momentum": (lambda: nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(784, 10)), {}, SGD, "auto"),
    "alone, batch statistics": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1_152, 10)),
        {},
        SGD,
        "auto",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_training_goes_on_to_the_same_result(tiny_digits, tmp_path, monkeypatch, every_step, case):
    build, grid, config, engine = CASES[case]
    arguments = (build, grid, tiny_digits, config, [3, 5])
    undisturbed = sweep(*arguments, engine=engine)
    for saves in (1, 2, 3):  # in the first epoch, at its end, in the second
        folder = tmp_path / str(saves)
        interrupted(monkeypatch, saves, *arguments, folder, engine=engine)
        assert [path.suffix for path in folder.iterdir()] == [".unfinished"]
        resumed = sweep(*arguments, folder, engine=engine)
        assert_same(resumed, undisturbed)
        assert {path.suffix for path in folder.iterdir()} == {".npz"}


def test_what_was_done_is_not_done_again(tiny_digits, tmp_path, monkeypatch, every_step):
    arguments = (MLP, WIDTHS, tiny_digits, TWO_EPOCHS, [3, 5], tmp_path)
    interrupted(monkeypatch, 3, *arguments)
    steps = Steps(monkeypatch)
    assert sweep(*arguments).computed == 4
    assert steps.count == 1 + 1  # one that was left, and one that a schedule does when it is made


def test_it_can_be_interrupted_again_and_again(tiny_digits, tmp_path, monkeypatch, every_step):
    arguments = (MLP, WIDTHS, tiny_digits, TWO_EPOCHS, [3, 5])
    undisturbed = sweep(*arguments)
    for _ in range(3):
        interrupted(monkeypatch, 1, *arguments, tmp_path)
    assert_same(sweep(*arguments, tmp_path), undisturbed)


def test_short_trainings_leave_no_checkpoint(tiny_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint, "save", None)
    assert sweep(MLP, WIDTHS, tiny_digits, TWO_EPOCHS, [3], tmp_path).computed == 2


class Own(CifarNet):
    pass


@pytest.mark.parametrize(("build", "cached"), [(Own, True), (CifarNet, False)])
def test_networks_of_somebody_else_are_kept_whole_or_not(shapes, tmp_path, monkeypatch, every_step, build, cached):
    monkeypatch.setattr(Checkpoint, "save", None)
    few = replace(shapes, train=replace(shapes.train, images=shapes.train.images[:8], labels=shapes.train.labels[:8]))
    sweep(build, {}, few, replace(TWO_EPOCHS, epochs=1), [0], tmp_path if cached else None)


class Exploit:
    def __reduce__(self):
        return print, ("unpickled",)


def content(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return checkpoint._digest(buffer.getvalue()) + buffer.getvalue()


BAD = {
    "empty": lambda kept: b"",
    "cut": lambda kept: kept[: len(kept) // 2],
    "a flipped bit": lambda kept: kept[:-99] + bytes([kept[-99] ^ 1]) + kept[-98:],
    "a pickle": lambda kept: pickle.dumps(Exploit()),
    "a pickle with its digest": lambda kept: content(Exploit()),
    "a pickle inside": lambda kept: content({"labkit": checkpoint.__version__, "at": Exploit()}),
    "of nothing": lambda kept: content({"labkit": checkpoint.__version__}),
    "a list": lambda kept: content([1, 2]),
    "of another network": lambda kept: content(
        {**torch.load(io.BytesIO(kept[checkpoint.DIGEST :]), weights_only=True), "sums": [torch.zeros(9)] * 2}
    ),
}


@pytest.mark.parametrize("engine", ["auto", "loop"])
def test_a_checkpoint_that_is_none_is_told_and_the_training_starts_anew(
    tiny_digits, tmp_path, monkeypatch, capsys, every_step, engine
):
    arguments = (MLP, {"hidden_sizes": [(4,)], "dropout": [0.5]}, tiny_digits, TWO_EPOCHS, [3, 5])
    undisturbed = sweep(*arguments, engine=engine)
    interrupted(monkeypatch, 3, *arguments, tmp_path / "kept", engine=engine)
    (path,) = (tmp_path / "kept").iterdir()
    for name, damage in BAD.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / path.name).write_bytes(damage(path.read_bytes()))
        with pytest.warns(UserWarning, match=f"The unfinished training {path.name} is damaged .*starts anew"):
            anew = sweep(*arguments, folder, engine=engine)
        assert_same(anew, undisturbed)
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_another_version_is_left_aside(tiny_digits, tmp_path, monkeypatch, every_step):
    arguments = (MLP, WIDTHS, tiny_digits, TWO_EPOCHS, [3, 5], tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "__version__", "0.0.1")
        interrupted(monkeypatch, 3, *arguments)
    steps = Steps(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sweep(*arguments)
    assert steps.count == 4 + 1


def test_a_full_disk_is_told_and_does_not_end_the_training(tiny_digits, tmp_path, monkeypatch, every_step):
    def full(path, content):
        raise LabkitError(f"{path} cannot be written (No space left on device): free some space.")

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.warns(UserWarning, match="not kept before its end.*No space left") as warned:
        assert sweep(MLP, WIDTHS, tiny_digits, TWO_EPOCHS, [3, 5], tmp_path).computed == 4
    assert len(warned) == 1


def test_a_slow_disk_is_used_less_often(tmp_path, monkeypatch):
    now = itertools.count(0, 4)  # the clock goes on by 4 s at each look at it, so a save lasts 4 s
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: next(now))
    kept = Checkpoint(tmp_path / "one")
    assert not kept.due()
    kept.save({})
    assert kept.next == 4 * 3 + 4 / checkpoint.LARGEST_SHARE
