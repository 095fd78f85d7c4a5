import numpy as np
import pytest
from scipy import stats

from labkit.basics.errors import UsageError
from labkit.report.uncertainty import compare, compare_all, image_error, interval, mcnemar, t_quantile

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "t"), [(3, 4.303), (5, 2.776), (10, 2.262)])
def test_the_quantiles_are_those_of_the_tables(n, t):
    assert t_quantile(0.95, n) == pytest.approx(t, abs=0.001)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_interval_is_that_of_a_paired_t_test(n):
    ours, theirs = RNG.normal(97, 1, n), RNG.normal(96, 1, n)
    difference = compare(ours, theirs)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))
    assert interval(ours - theirs) == pytest.approx((expected.low, expected.high))
    assert (difference.mean, difference.n) == (pytest.approx((ours - theirs).mean()), n)


def test_the_interval_holds_the_true_mean_in_19_of_20_samples():
    bounds = np.array([interval(RNG.normal(1, 2, 4)) for _ in range(2_000)])
    assert ((bounds[:, 0] < 1) & (bounds[:, 1] > 1)).mean() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("shift", "verdict"), [(2, "better"), (-2, "worse"), (0.01, "not clear")])
def test_a_verdict_asks_whether_0_lies_in_the_interval(shift, verdict):
    theirs = [97.0, 97.4, 96.8]
    difference = compare([value + shift + wobble for value, wobble in zip(theirs, (0.1, 0, -0.1), strict=True)], theirs)
    assert difference.verdict == verdict
    assert str(difference).endswith(f"(3 seeds): {verdict}")


@pytest.mark.parametrize(("ours", "theirs"), [([97.0], [96.0]), ([97.0, 98.0], [96.0]), ([], [])])
def test_what_has_no_interval_is_refused(ours, theirs):
    with pytest.raises(UsageError, match="one accuracy per seed"):
        compare(ours, theirs)


def test_mcnemar_counts_the_images_that_tell_two_networks_apart():
    ours = np.repeat([True, True, False, False], [400, 9, 4, 37])
    theirs = np.repeat([True, False, True, False], [400, 9, 4, 37])
    found = mcnemar(ours, theirs)
    assert (found.only_ours, found.only_theirs) == (9, 4)
    assert found.p == pytest.approx(stats.binomtest(9, 13).pvalue)
    assert mcnemar(ours, ours).p == 1
    with pytest.raises(UsageError, match="the same images"):
        mcnemar(ours, ours[:-1])


def test_few_images_leave_much_open():
    assert image_error(97, 450) == pytest.approx(0.80, abs=0.01)
    assert image_error(99, 10_000) == pytest.approx(0.10, abs=0.01)
    assert image_error(0, 450) == pytest.approx(image_error(100, 450)) == pytest.approx(0.157, abs=0.001)


def test_a_table_compares_all_designs_with_one():
    values = {"wide": [98.0, 98.2, 98.1], "narrow": [90.0, 91.0, 92.0], "deep": [98.1, 98.1, 98.1]}
    table = compare_all(values, "wide").set_index("network")
    assert table["verdict"].tolist() == ["", "worse", "not clear"]
    gap = compare(values["narrow"], values["wide"])
    assert table.loc["narrow"].tolist() == [91.0, 1.0, gap.mean, gap.low, gap.high, "worse"]
    assert table.loc["wide", ["difference", "low", "high"]].tolist() == [0, 0, 0]
