import json
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager

from labkit.basics.errors import LabkitError, UsageError
from labkit.data.datasets import load
from labkit.report.profiles import get_profile
from labkit.report.results import describe, describe_number, read_results
from labkit.report.run import Run

TEXT = "A caption or an alternative text that is long enough."


@pytest.fixture
def run(digits, tmp_path):
    return Run("05_mlp1_sweep", get_profile("quick"), digits, 3, tmp_path / "out")


def draw():
    figure, ax = plt.subplots()
    ax.plot([1, 2])
    return figure


def test_everything_is_published_at_once(run):
    run.figure("line", draw(), TEXT, TEXT, split="test", seeds=run.seeds)
    run.table("rows", pd.DataFrame({"name": ["a"], "loss": [0.123456]}), TEXT, {"loss": "{:.2f}"})
    run.number("accuracy", [97.0, 98.0, 99.0, 98.0, 98.0], "%", split="test", seeds=run.seeds)
    assert not (run.out / "results.json").exists()
    assert not (run.out / "figures").exists()
    run.finish()
    section = read_results(run.out / "results.json")["notebooks"]["05_mlp1_sweep"]
    figure, table, number = (section[kind] for kind in ("figures", "tables", "numbers"))
    assert (run.out / figure["line"]["png"]).read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (run.out / figure["line"]["svg"]).read_bytes()
    assert (figure["line"]["split"], figure["line"]["n"], figure["line"]["seeds"]) == ("test", 450, [3, 4, 5, 6, 7])
    assert (run.out / table["rows"]["csv"]).read_text() == "name,loss\na,0.123456\n"
    assert table["rows"]["rows"] == [["a", "0.12"]]
    assert number["accuracy"]["value"] == pytest.approx(98)
    assert number["accuracy"]["spread"] == pytest.approx(pd.Series([97, 98, 99, 98, 98]).std())
    assert section["data"]["name"] == "embedded digits"
    assert section["profile"] == "quick"


def test_captions_say_when_images_are_lossy():
    entry = {"caption": "A line.", "split": "test", "n": 10, "seeds": [0, 1]}
    section = {"profile": "full", "data": {"name": "CIFAR-10", "origin": "JPEG files, slightly lossy"}}
    expected = "A line. (test split, n = 10, 2 seeds, CIFAR-10 from JPEG files, slightly lossy, full profile.)"
    assert describe(entry, section) == expected
    section["data"]["origin"] = "CIFAR-10 batches"
    assert describe(entry, section) == "A line. (test split, n = 10, 2 seeds, CIFAR-10, full profile.)"


def test_a_caption_of_what_no_images_were_needed_for_names_none_but_another_set_in_the_courses_place():
    entry = {"caption": "A made-up world.", "split": "", "n": None, "seeds": []}
    section = {"profile": "quick", "data": {"name": "embedded shapes", "origin": "drawn by labkit", "real": False}}
    assert describe(entry, section) == "A made-up world. (quick profile.)"
    section["data"] |= {"name": "KMNIST", "real": True}
    assert describe(entry, section) == "A made-up world. (KMNIST, quick profile.)"


def test_n_is_that_of_the_dataset_that_was_measured(run):
    other = load("mnist", "embedded", validation=0.2)
    run.figure("line", draw(), TEXT, TEXT, split="validation", seeds=[0], dataset=other)
    run.table("rows", pd.DataFrame({"a": [1]}), TEXT, split="validation", dataset=other)
    run.number("accuracy", [97.0, 98.0], "%", split="validation", seeds=[0, 1], dataset=other)
    run.finish()
    section = read_results(run.out / "results.json")["notebooks"]["05_mlp1_sweep"]
    for kind, name in (("figures", "line"), ("tables", "rows"), ("numbers", "accuracy")):
        assert section[kind][name]["n"] == 270


def test_figures_are_200_dpi_and_repeat_byte_for_byte(run):
    from PIL import Image

    run.figure("line", draw(), TEXT, TEXT)
    run.finish()
    png, svg = (run.out / f"figures/05_mlp1_sweep.line.{suffix}" for suffix in ("png", "svg"))
    first = png.read_bytes(), svg.read_bytes()
    with Image.open(png) as image:
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    run.figure("line", draw(), TEXT, TEXT)
    run.finish()
    assert (png.read_bytes(), svg.read_bytes()) == first


def test_labels_in_other_scripts_take_fonts_of_the_machine_or_are_told(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    figure, ax = plt.subplots()
    ax.bar(["㐂", "é"], [1, 2])
    run.figure("cats", figure, TEXT, TEXT)
    boxes = run._files[run.out / "figures/05_mlp1_sweep.cats.png"]
    assert "Figure 'cats' shows boxes for 㐂, which no font here has: install a font" in capsys.readouterr().out
    font = TTFont(font_manager.findfont("DejaVu Sans"))
    for table in font["cmap"].tables:
        table.cmap[ord("㐂")] = "A"
    for record in font["name"].names:
        record.string = str(record).replace("DejaVu", "Strokes")
    font.save(tmp_path / "strokes.ttf")
    font_manager.fontManager.addfont(tmp_path / "strokes.ttf")
    figure, ax = plt.subplots()
    ax.bar(["㐂", "é"], [1, 2])
    run.figure("cats", figure, TEXT, TEXT)
    assert run._files[run.out / "figures/05_mlp1_sweep.cats.png"] != boxes
    assert "boxes" not in capsys.readouterr().out


def test_a_second_run_replaces_only_its_own_section(run, digits):
    run.figure("old", draw(), TEXT, TEXT)
    run.finish()
    other = Run("08_lenet5", get_profile("quick"), digits, 0, run.out)
    other.number("parameters", 61706, "parameters", 0, statistic="exact")
    other.finish()
    again = Run("05_mlp1_sweep", get_profile("quick"), digits, 0, run.out)
    again.finish()
    notebooks = read_results(run.out / "results.json")["notebooks"]
    assert notebooks["05_mlp1_sweep"]["figures"] == {}
    assert notebooks["08_lenet5"]["numbers"]["parameters"]["text"] == "61,706 parameters"
    assert list((run.out / "figures").iterdir()) == []


def test_an_interrupted_finish_leaves_the_old_results(run, monkeypatch):
    run.number("a", 1, statistic="exact")
    run.finish()
    before = (run.out / "results.json").read_bytes()
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    run.number("b", 2, statistic="exact")
    with pytest.raises(LabkitError, match="No space left on device"):
        run.finish()
    assert (run.out / "results.json").read_bytes() == before
    assert not list(run.out.glob(".results.json.*"))


@pytest.mark.parametrize(
    ("values", "options", "text"),
    [
        (
            [97.0, 98.0, 99.0, 98.0, 98.0],
            {"split": "test", "seeds": range(5)},
            "98.0 ± 0.7 % (between 5 seeds; ± 0.7 from 450 test images)",
        ),
        ([1, 2, 3, 4, 5], {"statistic": "median [quartiles]"}, "3.0 [2.0, 4.0] % (median and quartiles of 5 timings)"),
        (61706, {"statistic": "exact"}, "61,706.0 %"),
        ([2.0, 2.0], {"statistic": "share"}, "2.0 % (share of the time of 2 networks trained together)"),
    ],
)
def test_numbers_say_split_n_seeds_and_spread(run, values, options, text):
    assert run.number("a", values, "%", **options) == text
    assert describe_number(run._numbers["a"]) == text


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([97.0], {"split": "test", "seeds": [0]}),  # one seed has no spread
        ([97.0, 98.0], {"split": "test", "seeds": [0]}),
        ([97.0, 98.0], {"statistic": "exact"}),
        ([], {}),
        ([97.0, 98.0], {"split": "tests", "seeds": [0, 1]}),
    ],
)
def test_numbers_without_spread_or_of_unknown_origin_are_refused(run, values, options):
    with pytest.raises(UsageError):
        run.number("a", values, "%", **options)


@pytest.mark.parametrize("name", ["", "loss: test", "a/b", "..", "a.b", "why?"])
def test_a_name_that_some_system_refuses_as_a_files_is_refused_everywhere(run, name):
    with pytest.raises(UsageError, match="with letters, digits and _ alone"):
        run.figure(name, draw(), TEXT, TEXT)
    with pytest.raises(UsageError, match="with letters, digits and _ alone"):
        run.table(name, pd.DataFrame({"a": [1]}), TEXT)
    plt.close("all")


@pytest.mark.parametrize("texts", [("", TEXT), (TEXT, "a plot")])
def test_a_figure_needs_caption_and_alternative_text(run, texts):
    with pytest.raises(UsageError, match=r"a sentence under \[figures\.line\] in captions/05_mlp1_sweep\.toml"):
        run.figure("line", draw(), *texts)
    plt.close("all")


def test_texts_come_from_beside_the_notebook_unless_they_are_given(run, monkeypatch):
    monkeypatch.setattr(run, "_texts", {"figures": {"line": {"caption": TEXT, "alt": TEXT}}})
    run.figure("line", draw())
    assert run._figures["line"]["caption"] == TEXT
    run.figure("line", draw(), "A caption of my own for it.")
    assert (run._figures["line"]["caption"], run._figures["line"]["alt"]) == ("A caption of my own for it.", TEXT)


def test_a_notebook_that_came_alone_runs_without_its_captions(digits, tmp_path):
    run = Run("99_own", get_profile("quick"), digits, 0, tmp_path)
    run.figure("my_line", draw())
    assert run._figures["my_line"]["caption"] == "My line, without the course's captions."


def test_the_full_run_stands_beside_a_table_of_embedded_images(run, monkeypatch):
    stored = pd.DataFrame({"name": ["a", "b"], "loss": [0.05, None]})
    stored.attrs["label"] = "MNIST, full profile"
    monkeypatch.setattr("labkit.report.run.reference_table", {"05_mlp1_sweep.rows": stored}.get)
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    run.table("rows", pd.DataFrame({"name": ["a"], "loss": [0.123456]}), TEXT, {"loss": "{:.2f}"})
    own, beside = shown
    assert own["loss"].tolist() == ["0.12"]
    assert "MNIST, full profile" in beside.data
    assert "0.05" in beside.data
    run.table("others", pd.DataFrame({"a": [1]}), TEXT)
    assert len(shown) == 3


@pytest.mark.parametrize(
    ("name", "real", "profile", "shown"),
    [
        ("embedded digits", False, "quick", True),
        ("embedded digits", False, "full", True),
        ("MNIST", True, "quick", True),
        ("MNIST", True, "full", False),  # it is the full run itself
        ("Fashion-MNIST", True, "quick", False),
        ("my images", True, "full", False),
    ],
)
def test_the_reference_stands_beside_its_own_images_and_the_embedded_ones(
    digits, tmp_path, monkeypatch, name, real, profile, shown
):
    stored = pd.DataFrame({"loss": [0.05]})
    stored.attrs["label"] = "MNIST, full profile"
    monkeypatch.setattr("labkit.report.run.reference_table", {"05_mlp1_sweep.rows": stored}.get)
    dataset = replace(digits, provenance=replace(digits.provenance, name=name, real=real))
    run = Run("05_mlp1_sweep", get_profile(profile), dataset, 0, tmp_path)
    assert (run.reference("rows") is not None) is shown
    assert run.reference("others") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99, "notebooks": {}}', '{"format": 1, "notebooks": 3}'])
def test_damaged_results_are_told(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(LabkitError, match=r"results\.json"):
        read_results(path)


def test_results_hold_no_path_of_the_machine(run, tmp_path):
    run.number("a", 1, statistic="exact")
    run.finish()
    assert str(tmp_path) not in json.dumps(read_results(run.out / "results.json"))
