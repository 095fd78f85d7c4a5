"""The notebooks run on images of one's own, whatever the number of their classes."""

import ast
import re

import pytest

from labkit import CHECKOUT

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
