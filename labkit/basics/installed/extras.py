"""The extras of labkit, by the modules that they bring; what is missing is told before anything is imported or written.

pyproject.toml says the same in packages; a test keeps them in step.
"""

from __future__ import annotations

from importlib.util import find_spec

from labkit.basics.errors import LabkitError

TORCH = ("torch", "torchvision")
CORE = (  # what else the notebooks import; typer, which the command line is made of, is there
    *("numpy", "pandas", "matplotlib", "seaborn", "sklearn", "PIL"),
    *("cloudpickle", "filelock", "platformdirs", "threadpoolctl", "tqdm"),
)
EXTRAS = {
    "lab": ("jupyterlab", "ipykernel"),
    "report": ("jinja2", "nbformat", "pypandoc", "typst"),
    "run": ("ipykernel", "nbclient", "nbformat", "papermill", "rich"),
    "widgets": ("anywidget",),
    "grade": ("markdown_it", "markupsafe", "nh3", "yaml", "tornado"),
    "release": ("hatchling", "jinja2", "jupytext", "markdown_it", "markupsafe", "nbgrader", "nh3", "pygments"),
}
PACKAGES = {  # where a package is called otherwise than its module
    "PIL": "pillow",
    "markdown_it": "markdown-it-py",
    "pypandoc": "pypandoc_binary",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
GRADING = ("grade", "run", "report")  # what the commands of TAs need


def require(command: str, *extras: str) -> None:
    """Raise LabkitError where a command lacks what comes with these extras: one sentence with the line to type."""
    lacking = {extra: absent(EXTRAS[extra]) for extra in extras}
    if names := dict.fromkeys(name for names in lacking.values() for name in names):
        listed = ",".join(extra for extra, missing in lacking.items() if missing)
        raise LabkitError(
            f"labkit {command} needs {', '.join(names)}, which {'are' if len(names) > 1 else 'is'} not installed here: "
            f"{line_for(listed)}."
        )


def absent(modules: tuple[str, ...]) -> list[str]:
    """Return the packages of those modules that are not installed; none is imported to find out."""
    return [PACKAGES.get(name, name) for name in modules if find_spec(name) is None]


def line_for(extras: str) -> str:
    """Return the command that installs extras of the labkit that is installed: "run,report"."""
    return f'`pip install "labkit[{extras}]"`'
