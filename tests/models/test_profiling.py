import statistics

import pytest
import torch

from labkit.models.networks import MLP, LeNet5
from labkit.models.profiling import Latency, cost_table, measure_in_turn, measure_peak_memory, operator_table

IMAGES = torch.rand(1_000, 1, 28, 28)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_latency(batch_size):
    latency = measure_in_turn({"30": MLP((30,))}, IMAGES[:batch_size], repeats=9)["30"]
    assert latency.batch_size == batch_size
    assert len(latency.samples) == 9
    assert min(latency.samples) > 0
    assert latency.calls >= 1
    quantiles = [latency.quantile(q) for q in (0, 0.25, 0.5, 0.75, 1)]
    assert quantiles == sorted(quantiles)
    assert latency.median == quantiles[2]


def test_median_and_quartiles_of_known_samples():
    latency = Latency(1, [5.0, 1.0, 2.0, 4.0, 3.0], calls=1)
    assert [latency.quantile(q) for q in (0.25, 0.5, 0.75)] == [2, 3, 4]


def test_warm_up_calls_are_not_counted(monkeypatch):
    """With a clock that advances one second a reading, a sample is one second whatever the machine does."""
    ticks = iter(range(1_000))
    monkeypatch.setattr("labkit.models.profiling.time.perf_counter", lambda: next(ticks))
    calls = []
    model = MLP((4,))
    model.register_forward_hook(lambda *_: calls.append(1))
    assert measure_in_turn({"4": model}, IMAGES[:1], repeats=4)["4"].samples == [1, 1, 1, 1]
    assert len(calls) == 3 + 4


def test_networks_take_turns():
    calls = []
    models = {name: MLP((4,)) for name in ("first", "second")}
    for name, model in models.items():
        model.register_forward_hook(lambda *_, name=name: calls.append(name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labkit.models.profiling.SHORTEST_SAMPLE", 0.0)  # one call per sample
        found = measure_in_turn(models, IMAGES[:2], repeats=5)
    assert calls == ["first"] * 3 + ["second"] * 3 + ["first", "second"] * 5
    assert {name: (latency.batch_size, len(latency.samples)) for name, latency in found.items()} == {
        "first": (2, 5),
        "second": (2, 5),
    }


@pytest.mark.skipif("os.environ.get('LABKIT_DEVICE') == 'cuda'", reason="a GPU's allocator rounds sizes up")
@pytest.mark.parametrize(
    ("hidden_sizes", "bytes_held"),
    [
        ((300,), 2 * 1_000 * 300 * 4),  # a linear layer's output and its ReLU
        ((300, 100), 2 * 1_000 * 300 * 4),
        ((100, 300), 2 * 1_000 * 300 * 4),
        ((), 1_000 * 10 * 4),
    ],
)
def test_peak_memory_is_what_a_hand_counts(hidden_sizes, bytes_held):
    assert measure_peak_memory(MLP(hidden_sizes), IMAGES) == bytes_held


def test_operators_of_an_mlp():
    table = operator_table(MLP((300,)), IMAGES, rows=4)
    assert list(table.columns) == ["operator", "calls", "share"]
    assert len(table) == 4
    assert table["share"].is_monotonic_decreasing
    assert 0 < table["share"].sum() <= 100 + 1e-9
    linear = table.set_index("operator").loc["aten::addmm"]
    assert linear["calls"] == 2


def test_shares_of_all_operators_are_the_whole():
    assert operator_table(LeNet5(), IMAGES[:10], rows=1_000)["share"].sum() == pytest.approx(100)


def test_cost_table():
    models = {"MLP": MLP((30,)), "LeNet-5": LeNet5()}
    table = cost_table(models, IMAGES[:3], batch_sizes=[1, 8], repeats=3)
    assert table[["model", "batch_size"]].to_numpy().tolist() == [
        ["MLP", 1],
        ["LeNet-5", 1],
        ["MLP", 8],
        ["LeNet-5", 8],
    ]
    assert table["us_per_image"].to_numpy() == pytest.approx(
        (1e3 * table["median_ms"] / table["batch_size"]).to_numpy()
    )
    assert (table["q1_ms"] <= table["median_ms"]).all()
    assert (table["median_ms"] <= table["q3_ms"]).all()
    assert [statistics.median(samples) for samples in table["samples_ms"]] == pytest.approx(table["median_ms"].tolist())
    assert table["weights_kB"].tolist() == [4 * count / 1000 for count in (23_860, 61_706)] * 2
    assert (table["activations_kB"] > 0).all()
    assert (table["total_kB"] == table["weights_kB"] + table["activations_kB"]).all()
