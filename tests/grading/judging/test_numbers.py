import json

import pytest

from labkit.grading.intake.reading.claims import MOST_NUMBERS, read_claims
from labkit.grading.judging import numbers as judging
from labkit.report.profiles import get_profile
from labkit.report.run import Run

NAME = "05_mlp1_sweep"


def number(value=97.0, spread=0.5, text="", unit="%"):
    return {"value": value, "spread": spread, "unit": unit, "text": text or f"{value:,.1f} ± {spread} {unit}"}


def results(numbers, profile="full", fingerprint="aa", seeds=(0, 1)):
    data = {"name": "MNIST", "fingerprint": fingerprint}
    return {"notebooks": {NAME: {"profile": profile, "data": data, "seeds": list(seeds), "numbers": numbers}}}


def compare_numbers(claimed, found, notebook=NAME):
    """Compare two contents of results.json."""
    return judging.compare_numbers(read_claims(claimed, notebook), read_claims(found, notebook), notebook)


def other_setting(claimed, found, notebook=NAME):
    return judging.other_setting(read_claims(claimed, notebook), read_claims(found, notebook))


def compare(claimed, found):
    """Return whether one number is the same."""
    return compare_numbers(results({"a": claimed}), results({"a": found}), NAME)["a"]["same"]


def test_the_numbers_of_a_run_reproduce_themselves(tiny_digits, tmp_path):
    run = Run(NAME, get_profile("quick"), tiny_digits, 0, tmp_path)
    run.number("accuracy", [97.0, 98.0, 99.0, 98.0, 98.0], "%", split="test", seeds=run.seeds)
    run.number("parameters", 1_234_567, digits=0, statistic="exact")
    run.number("latency", [1.0, 2.0, 3.0], "ms", statistic="median [quartiles]")
    run.finish()
    content = json.loads((tmp_path / "results.json").read_text())
    assert compare_numbers(content, content, NAME) == {
        "accuracy": {"claimed": "98.0 ± 0.7 %", "found": "98.0 ± 0.7 %", "same": True},
        "parameters": {"claimed": "1,234,567", "found": "1,234,567", "same": True},
    }
    assert other_setting(content, content, NAME) == ""


def test_a_number_that_the_reference_knows_stands_beside_its_band():
    found = results({"widest_accuracy": number(50.0), "other": number(50.0)}, profile="quick")
    section = found["notebooks"][NAME]
    section["data"]["name"] = "embedded digits"
    compared = compare_numbers(None, found, NAME)
    value, low, high = compared["widest_accuracy"]["band"]
    assert value == 50.0
    assert 50 < low < high <= 100
    assert "band" not in compared["other"]
    section["profile"] = "full"
    assert "band" not in compare_numbers(None, found, NAME)["widest_accuracy"]


@pytest.mark.parametrize("odd", [None, "x", [], {}, float("nan"), float("inf"), 10**400, True], ids=repr)
def test_an_odd_value_has_no_band(odd):
    found = results({"widest_accuracy": {"value": odd, "text": "50 %"}}, profile="quick")
    found["notebooks"][NAME]["data"]["name"] = "embedded digits"
    band = compare_numbers(None, found, NAME)["widest_accuracy"].get("band")
    assert band is None or all(isinstance(one, (int, float)) for one in band)


@pytest.mark.parametrize(
    ("claimed", "found", "same"),
    [
        (number(97.4), number(97.0), True),
        (number(97.6), number(97.0), False),
        (number(-1.2), number(-1.0), True),
        (number(1234.4), number(1234.0), True),
        (number(97.44, text="97.4 %"), number(97.0), True),
        (number(99.9, spread=1e9), number(97.0), False),  # a wide spread of one's own
        (number(97.0, text="99.9 ± 0.1 %"), number(97.0), False),  # a text that says something else than its value
        (number(97.0, text="nearly all"), number(97.0), False),
        (number(97.0, text="97.0.1"), number(97.0), False),
        (number(97.0), number(97.0, spread=None), True),
        (number(97.1), number(97.0, spread=None), False),
        (number(97.1), number(97.0, spread="0.5"), False),
        (number(97.1), {"value": 97.0, "text": "97.0", "unit": "%"}, False),
        (number(float("nan")), number(97.0), False),
        (number(97.0), number(float("inf")), False),
        (number(10**400, text="97.0 %"), number(97.0), False),
        ({**number(), "value": "97.0"}, number(97.0, text="97.00 %"), False),
        ({**number(), "value": True}, number(1.0, spread=1e9), False),
        (number(97.0, unit="s"), number(90.0), False),  # no time, only called so
        (number(97.0, unit=["%"]), number(97.0), True),
    ],
)
def test_same_or_differs(claimed, found, same):
    assert compare(claimed, found) is same


@pytest.mark.parametrize("odd", [None, 1, "97.0 %", [], {}, {"text": 1}, {"text": ["97.0 ± 0.5 %"]}])
def test_what_is_no_number_is_shown_as_none(odd):
    shown = "97.0 ± 0.5 %"
    assert compare_numbers(results({"a": odd}), results({"a": number()}), NAME) == {
        "a": {"claimed": None, "found": shown, "same": False}
    }
    assert compare_numbers(results({"a": number()}), results({"a": odd}), NAME) == {
        "a": {"claimed": shown, "found": None, "same": False}
    }


@pytest.mark.parametrize(
    "odd", [None, [], "x", 7, {}, {"notebooks": []}, {"notebooks": {NAME: 1}}, {"notebooks": {NAME: {"numbers": [1]}}}]
)
def test_what_is_no_results_file_counts_as_empty(odd):
    assert compare_numbers(odd, odd, NAME) == {}
    assert compare_numbers(odd, results({"a": number()}), NAME)["a"]["claimed"] is None
    assert compare_numbers(results({"a": number()}), odd, NAME)["a"]["found"] is None
    assert other_setting(odd, results({}), NAME) == other_setting(results({}), odd, NAME) == ""


def test_times_are_left_out():
    found = results({"a": number(unit="ms"), "b": number(unit="s")})
    assert compare_numbers(results({"a": number(unit="%")}), found, NAME) == {}


def test_names_and_texts_are_made_plain_and_none_takes_the_place_of_another():
    claimed = results(
        {"acc\u200b": number(text="\x1b[31m99.9 %"), "acc": number(), "x" * 1_000: number(text="9" * 999)}
    )
    found = compare_numbers(claimed, results({"acc": number()}), NAME)
    assert list(found) == ["acc", "'acc\\u200b'", "x" * 200]
    assert found["acc"]["same"]
    assert found["'acc\\u200b'"] == {"claimed": "99.9 %", "found": None, "same": False}
    assert len(found["x" * 200]["claimed"]) == 200


def test_a_million_claims_are_cut_and_the_real_ones_stay():
    claimed = results({f"n{count}": number() for count in range(100_000)})
    found = compare_numbers(claimed, results({"real": number()}), NAME)
    assert len(found) == MOST_NUMBERS
    assert next(iter(found)) == "real"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        (
            {"profile": "quick"},
            "another setting (full profile on MNIST) than that of the re-run (quick profile on MNIST).",
        ),
        ({"fingerprint": "bb"}, "other seeds or other images (full profile on MNIST)"),
        ({"seeds": [5]}, "other seeds or other images (full profile on MNIST)"),
        ({"profile": ["quick"]}, "than that of the re-run ( profile on MNIST)"),
    ],
)
def test_claims_for_another_setting_are_named(changed, expected):
    found = other_setting(results({}), results({}, **changed), NAME)
    assert expected in found
    assert bool(expected) == bool(found)
