"""What a wing shows: names that are loaded when they are first asked for."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def late(face: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` for a wing's `__init__`, given its `__name__`.

    The names are those that the file imports under `if TYPE_CHECKING`, where editors and type checkers find them; so
    `import labkit.training` loads no torch (PEP 562).
    """
    module = sys.modules[face]
    shown = homes(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))

    def load(name: str) -> Any:
        if name not in shown:
            raise AttributeError(f"{face} has no {name!r}: it shows {', '.join(sorted(shown))}.")
        value = getattr(import_module(shown[name]), name)
        setattr(module, name, value)  # found at once from now on
        return value

    return load, lambda: sorted({*vars(module), *shown}), sorted(shown)


def homes(face: ast.Module) -> dict[str, str]:
    """Return the names that a wing's `__init__` shows, each with the module that it comes from."""
    block = next(node for node in face.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
