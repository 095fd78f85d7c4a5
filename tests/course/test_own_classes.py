"""The notebooks run on images of one's own, whatever the number of their classes."""

import ast
import re

import pytest
from makers import write_image_folder

from labkit import CHECKOUT
from labkit.course.run_all import run_course
from labkit.data.datasets import load
from labkit.report.results import read_results

SOURCES = sorted((CHECKOUT / "notebooks" / "source").glob("*.py"))
NETWORKS = {"MLP": 5, "LeNet5": 1, "CifarNet": 3, "ConvNet": 2, "OneConvNet": 0}  # the place of num_classes
SOLUTION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_network_of_a_notebook_has_ten_outputs_whatever_the_classes(source):
    calls = [node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    built = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in NETWORKS]
    fixed = [
        ast.unparse(call)
        for call in built
        if len(call.args) <= NETWORKS[call.func.id] and "num_classes" not in {word.arg for word in call.keywords}
    ]
    assert fixed == []


def test_sizes_of_the_network_from_scratch_follow_the_classes():
    text = SOLUTION.sub("", (CHECKOUT / "notebooks" / "source" / "04_mlp_from_scratch.py").read_text(encoding="utf-8"))
    assert not re.search(r"\beye\(10\)|range\(10\)|, 10\)$", text, re.MULTILINE)


@pytest.mark.parametrize("classes", [2, 3, 11, 26, 62])
@pytest.mark.parametrize(("size", "mode"), [((8, 8), "RGB"), ((20, 20), "L"), ((64, 40), "RGB"), ((9, 64), "L")])
def test_images_of_any_size_in_any_number_of_classes_are_taken_for_either_set(tmp_path, classes, size, mode):
    write_image_folder(tmp_path, [f"kind {number}" for number in range(classes)], size=size, mode=mode, train=2, test=1)
    for name, shape in (("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))):
        dataset = load(name, tmp_path)
        assert (dataset.image_shape, dataset.num_classes) == (shape, classes)
        assert dataset.class_names[-1] == f"kind {classes - 1}"
        assert len(set(dataset.train.labels.tolist())) == classes


@pytest.mark.slow
def test_a_notebook_runs_on_26_classes_of_small_images_and_every_caption_names_them(tmp_path, capsys):
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    write_image_folder(tmp_path / "letters", letters, size=(20, 20), mode="RGB", test=5)
    assert run_course(["05"], "quick", str(tmp_path / "letters"), 0, tmp_path / "out"), capsys.readouterr().out
    section = read_results(tmp_path / "out" / "results.json")["notebooks"]["05_mlp1_sweep"]
    assert section["data"]["name"] == "images in the folder letters"
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    placed = [line for line in report.splitlines() if "{#fig:" in line or "{#tbl:" in line]
    assert [line for line in placed if "(images in the folder letters" not in line] == []
