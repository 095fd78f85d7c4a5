"""All exercises of the course: one module a notebook, whose name begins with the notebook's number."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache

from labkit.exercises.exercise import Exercise

MODULE = re.compile(r"nb\d\d_\w+")


def modules() -> list[str]:
    """Return the names of the modules with exercises, in the order of their notebooks ("nb05_mlp1_sweep")."""
    package = importlib.import_module(__package__)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if MODULE.fullmatch(module.name))


@cache
def exercises() -> dict[str, Exercise]:
    """Return all exercises of the course in their order, by id ("5.2": the second of notebook 5)."""
    chapters = [importlib.import_module(f"{__package__}.{name}") for name in modules()]
    return {exercise.id: exercise for chapter in chapters for exercise in chapter.EXERCISES}


def chapter_of(name: str) -> str:
    """Return the number of the notebook that an exercise ("5.2") or a notebook's file ("05_mlp1_sweep") belongs to."""
    return name.replace("_", ".").split(".")[0].lstrip("0")
