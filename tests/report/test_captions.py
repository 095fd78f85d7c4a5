"""Every figure and table of the course has its text beside the notebooks, and no text is without its figure."""

import pytest

from labkit import CHECKOUT
from labkit.basics.errors import UsageError
from labkit.course.upkeep.completeness import is_sentence
from labkit.course.upkeep.twin import captioned_calls, read_twin
from labkit.report.captions import caption_files, captions_of, read_captions

NOTEBOOKS = CHECKOUT / "notebooks"
SOURCES = sorted((NOTEBOOKS / "source").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_texts_and_artefacts_belong_together(path):
    texts = read_captions(NOTEBOOKS / "captions" / f"{path.stem}.toml")
    for kind, calls in captioned_calls(read_twin(path).code).items():
        assert sorted(texts[kind]) == sorted(calls)
        keys = {"caption", "alt"} if kind == "figures" else {"caption"}
        for name, text in texts[kind].items():
            assert set(text) == keys, name
            assert all(map(is_sentence, text.values())), name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_cell_holds_a_caption(path):
    for calls in captioned_calls(read_twin(path).code).values():
        assert not [name for name, call in calls.items() if {word.arg for word in call.keywords} & {"caption", "alt"}]


def test_captions_are_found_beside_a_notebook_first(tmp_path, monkeypatch):
    own = tmp_path / "captions" / "05_mlp1_sweep.toml"
    own.parent.mkdir()
    own.write_text('[figures.mine]\ncaption = """\nA caption\nof two lines."""\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert captions_of("05_mlp1_sweep")["figures"] == {"mine": {"caption": "A caption of two lines."}}
    assert captions_of("08_lenet5")["figures"]  # the course's
    assert captions_of("99_own") == {}
    own.write_text("[figures", encoding="utf-8")
    with pytest.raises(UsageError, match="repair it, or take the course's"):
        captions_of("05_mlp1_sweep")


def test_the_files_are_named_as_they_lie_beside_notebooks():
    names = [name for name, _ in caption_files(NOTEBOOKS)]
    assert names == [f"captions/{path.stem}.toml" for path in SOURCES]
