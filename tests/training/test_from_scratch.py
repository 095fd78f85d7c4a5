import threading

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_info

from labkit.models.scratch import ACTIVATIONS, Network, sigmoid
from labkit.training import from_scratch

SIZES = (784, 12, 10)


class Still(Network):
    def step(self, gradients, lr):
        pass


def test_trainings_are_one_row_per_epoch_with_accuracies_on_both_scales(digits):
    table = from_scratch.trainings(digits, SIZES, [3, 4], ["tanh", "relu"], [0.1], 2, 32)
    assert len(table) == 2 * 2 * 2
    assert list(table.groupby(["activation", "seed"], sort=False).groups) == [
        ("tanh", 3),
        ("tanh", 4),
        ("relu", 3),
        ("relu", 4),
    ]
    last = table.iloc[1]
    images, labels = from_scratch.rows_of(digits.test)
    assert last["test"] == pytest.approx(100 * (last["network"].predict(images) == labels).mean())
    assert last["raw"] == pytest.approx(100 * (last["network"].predict(255 * images) == labels).mean())
    assert last["seconds"] > table.iloc[0]["seconds"] > 0
    assert 0 < last["train"] <= 100
    assert last["validation"] > 10


def test_another_class_of_network_and_other_weights_can_be_trained(digits):
    table = from_scratch.trainings(digits, SIZES, [0], ["tanh"], [0.1], 1, 32, "zero", Still)
    assert isinstance(table["network"][0], Still)
    assert table["cost"][0] == pytest.approx(np.log(10), rel=1e-4)


def test_settings_are_places_in_a_longer_training_and_stand_beside_the_reported():
    rows = [
        {"activation": name, "lr": lr, "epoch": epoch, "train": 90.0, "test": epoch + lr, "raw": 1.0, "seed": seed}
        for name in ACTIVATIONS
        for lr in (0.01, 0.04)
        for epoch in range(1, 16)
        for seed in (0, 1)
    ]
    settings = {"low_15": (0.01, 15), "high_15": (0.04, 15), "low_10": (0.01, 10)}
    runs = from_scratch.at_settings(pd.DataFrame(rows), settings)
    assert runs["setting"].tolist() == 3 * ["low_15", "low_15", "high_15", "high_15", "low_10", "low_10"]
    table = from_scratch.beside_reported(runs).set_index(["activation", "lr", "epoch"]).sort_index()
    assert len(table) == 9
    assert table.loc[("tanh", 0.01, 10), "test"] == pytest.approx(10.01)
    assert table.loc[("sigmoid", 0.01, 15), ["reported train", "reported test"]].tolist() == [71, 72.9]
    assert table.loc["relu", "reported test"].isna().all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_autograd_are_those_of_the_network(activation):
    network = Network((6, 5, 4, 3), activation, seed=1, dtype=np.float64)
    rng = np.random.default_rng(0)
    images, labels = rng.normal(0, 1, (9, 6)), rng.integers(0, 3, 9)
    network.forward(images)
    ours = [values for pair in network.backward(labels) for values in pair]
    theirs = from_scratch.autograd_gradients(network, activation, images, labels)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-14)


def test_racers_take_turns_and_the_first_lap_does_not_count():
    order = []

    def racer(name, times):
        left = iter(times)

        def measure():
            order.append(name)
            return next(left)

        return measure

    medians = from_scratch.race({"a": racer("a", [99, 1, 3, 2]), "b": racer("b", [0, 5, 5, 8])}, laps=3)
    assert medians.to_dict() == {"a": 2, "b": 5}
    assert order == ["a", "b"] * 4


def blas_threads():
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


def test_trainings_of_our_own_network_are_kept_and_no_others(tiny_digits, tmp_path, monkeypatch):
    def trained(build=Network, lr=0.1):
        arguments = tiny_digits, (784, 8, 10), [0, 1], ["tanh"], [lr], 2, 32
        return from_scratch.trainings(*arguments, build=build, cache=tmp_path)

    class Students(Network):
        pass

    trained(Students)
    assert list(tmp_path.iterdir()) == []
    first = trained()
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(from_scratch, "train", None)  # nothing is trained any more
    again = trained()
    pd.testing.assert_frame_equal(again.drop(columns="network"), first.drop(columns="network"))
    for one, other in zip(again["network"], first["network"], strict=True):
        assert all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))
        assert all(np.array_equal(*pair) for pair in zip(one.biases, other.biases, strict=True))
    for other in ({"lr": 0.2}, {"build": Students}):
        with pytest.raises(TypeError):
            trained(**other)


def test_networks_from_scratch_train_side_by_side_with_one_thread_each(tiny_digits, monkeypatch):
    """As many at once as there are cores; their number changes no result, and a failure is not waited for."""
    both = threading.Barrier(2, timeout=60)
    seen = []

    class Watched(Network):
        def predict(self, images):
            seen.append(blas_threads())
            return super().predict(images)

    class Meeting(Watched):
        def forward(self, images):
            if not hasattr(self, "met"):
                self.met = both.wait()
            return super().forward(images)

    def trained(cores, build):
        monkeypatch.setenv("LABKIT_THREADS", cores)
        found = from_scratch.trainings(tiny_digits, (784, 8, 10), [0, 1], ["relu", "tanh"], [0.1], 2, 32, build=build)
        return found.drop(columns=["network", "seconds"])

    before = blas_threads()
    pd.testing.assert_frame_equal(trained("1", Watched), trained("2", Meeting))
    assert set(seen) == {1}
    assert blas_threads() == before
    both.abort()
    with pytest.raises(threading.BrokenBarrierError):
        trained("2", Meeting)


def test_racers_have_one_thread_each():
    before = torch.get_num_threads()
    threads = from_scratch.race({"torch": torch.get_num_threads, "numpy": blas_threads}, laps=1)
    assert threads.to_dict() == {"torch": 1, "numpy": 1}
    assert torch.get_num_threads() == before


def test_unit_digits_lie_between_0_and_1():
    digits = from_scratch.unit_digits("embedded", 300)
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 1)
    assert len(digits.train) == 300


def test_the_start_cost_of_the_source_is_ten_binary_cross_entropies():
    p = sigmoid(np.array([np.log(0.1 / 0.9)]))[0]
    assert -np.log(p) - 9 * np.log(1 - p) == pytest.approx(3.25, abs=0.005)
