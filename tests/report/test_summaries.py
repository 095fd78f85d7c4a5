import numpy as np
import pandas as pd

from labkit.models.networks import MLP
from labkit.report.profiles import get_profile
from labkit.report.run import Run
from labkit.report.summaries import network_table
from labkit.report.uncertainty import last_batch


def test_a_row_per_network_and_its_numbers(digits, tmp_path):
    run = Run("08_lenet5", get_profile("quick"), digits, 0, tmp_path)
    model = MLP((3,), num_classes=digits.num_classes)
    runs = pd.DataFrame({"seed": [0, 1], "test_accuracy": [0.9, 0.8], "seconds": [1.0, 2.0], "parameters": [7, 7]})
    table = network_table(run, {"alone": ("one", runs, model), "joint": ("two", runs.assign(seconds=1.5), model)})
    assert table["accuracy"].tolist() == [85.0, 85.0]
    assert table["training (s)"].tolist() == [1.5, 1.5]
    assert table["FLOPs"].tolist() == [2 * (784 * 3 + 3 * digits.num_classes)] * 2
    assert run._numbers["one_test"]["values"] == [90.0, 80.0]
    assert run._numbers["one_seconds"]["statistic"] == "mean ± sd"
    assert run._numbers["two_seconds"]["statistic"] == "share"


def test_the_last_tenth_has_the_interval_of_wilson():
    right = np.ones((2, 10_000), bool)
    right[1, ::2] = False
    table = last_batch(right, [0, 1])
    assert table.columns.tolist() == ["seed", "all 10,000", "last 1,000", "low", "high"]
    assert table.loc[0].tolist() == [0, 100.0, 100.0, 99.62, 100.0]
    low, share, high = table.loc[1, ["low", "last 1,000", "high"]]
    z, n, p = 1.959964, 1_000, share / 100
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert round(high - low, 1) == round(200 * reach, 1)
    assert table.loc[1, "all 10,000"] == 50


def test_all_networks_are_judged_on_the_same_images():
    right = np.random.default_rng(0).random((1, 450)) < 0.9
    table = last_batch(np.concatenate([right, right]), [3, 4])
    assert table.iloc[0, 1:].tolist() == table.iloc[1, 1:].tolist()
