"""The files by which VS Code, and a dev container (as GitHub Codespaces starts them), know what the lab needs."""

from __future__ import annotations

import json
from typing import Any

EXTENSIONS = ["ms-python.python", "ms-toolsai.jupyter"]


def editor_files(wheel: str) -> dict[str, bytes]:
    """Return the files by their path in the release, given the name of labkit's wheel."""
    install = f"python -m pip install uv && uv pip install --system --torch-backend cpu './{wheel}[student]'"
    files: dict[str, Any] = {
        # A folder, in which the extension finds the Python of .venv on every system: it is the notebooks' kernel.
        ".vscode/settings.json": {"python.defaultInterpreterPath": "${workspaceFolder}/.venv"},
        ".vscode/extensions.json": {"recommendations": EXTENSIONS},
        ".devcontainer/devcontainer.json": {
            "name": "labkit",
            "image": "python:3.12",
            "postCreateCommand": install,
            "customizations": {
                "vscode": {
                    "extensions": EXTENSIONS,
                    "settings": {"python.defaultInterpreterPath": "/usr/local/bin/python"},
                }
            },
        },
    }
    return {name: (json.dumps(content, indent=2) + "\n").encode() for name, content in files.items()}
