"""labkit: a course lab kit for handwritten digits, from MLP to CNN.

Importing the package is cheap; each wing (folder) says in its own `__init__` what it is for.
"""

from pathlib import Path

__version__ = "0.1.0"
PACKAGE = Path(__file__).resolve().parent  # all of it is handed out to students
CHECKOUT = PACKAGE.parent  # where labkit runs from its sources: its project, with the notebooks that hold the solutions
