"""Which files notebooks bring along, and what is said about the others."""

import os

import pytest

from labkit.basics.helper_files import MOST, MOST_BYTES, beside, choose

NOTEBOOKS = ["05_mlp1_sweep"]


def taken(*files):
    return choose([(tuple(name.split("/")), size) for name, size in files], NOTEBOOKS)


def test_modules_tables_and_pictures_are_taken_and_the_usual_is_passed_over():
    mine = ["helpers.py", "Digits.PNG", "own/__init__.py", "own/tables/a.csv"]
    usual = ["05_mlp1_sweep.ipynb", "05_mlp1_sweep.py", "results.json", "report.pdf", ".env.py", "__pycache__/a.py"]
    usual += ["course.toml", "rubric.toml"]
    found, left = taken(
        *[(name, 10) for name in (*usual, *mine, "out/figures/a.png", "captions/05_a.toml", "own/.git/x.py", "../a.py")]
    )
    assert sorted("/".join(parts) for parts in found) == sorted(mine)
    assert left == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("film.mp4", "a kind that is not taken"),
        ("README", "a kind that is not taken"),
        ("json.py", "the name of a module of Python"),
        ("Torch.py", "the course's libraries"),
        ("labkit/exercises/checker.py", "the course's libraries"),
        ("a\x07b.py", "not printable"),
        ("a\udc80b.py", "not printable"),
        ("x" * 101 + ".py", "too long"),
        ("a/b/c/d/e/f.py", "too long"),
        ("C:a.py", "not every system"),
    ],
)
def test_what_is_left_out_is_told_with_the_reason(name, reason):
    found, (sentence,) = taken((name, 1), ("good.py", 1))
    assert found == [("good.py",)]
    assert reason in sentence


def test_number_size_and_names_are_bounded():
    found, (sentence,) = taken(*[(f"{number:03}.png", 1) for number in range(MOST + 5)])
    assert len(found) == MOST
    assert sentence.startswith("Left out beside the notebooks: 050.png, 051.png, 052.png and 2 more")
    found, (sentence,) = taken(("a.npy", MOST_BYTES - 1), ("b.npy", 2), ("c.npy", 1))
    assert found == [("a.npy",), ("c.npy",)]
    assert "b.npy (more than 5 MB" in sentence
    found, (sentence,) = taken(("a.py", 1), ("a.py/b.py", 1), ("a.py", 1))
    assert found == [("a.py",)]
    assert "the name of another file" in sentence


def test_a_folder_is_looked_through_without_links(tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    folder = tmp_path / "notebooks"
    (folder / "own").mkdir(parents=True)
    (folder / "own" / "a.csv").write_text("1")
    (folder / "helpers.py").write_text("x = 1")
    os.symlink(tmp_path / "secret.txt", folder / "link.txt")
    os.symlink(tmp_path, folder / "up")
    files, left = beside(folder, NOTEBOOKS)
    assert files == {"helpers.py": folder / "helpers.py", "own/a.csv": folder / "own" / "a.csv"}
    assert left == ["Left out beside the notebooks: link.txt, up (a link)."]
