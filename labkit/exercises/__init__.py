"""The exercises of the course, one module a notebook, and the check that answers at once.

Trials note plain data where a student's code runs; judges look at these notes alone, and run nothing of a student's.
"""

from typing import TYPE_CHECKING

from labkit.basics.faces import late

if TYPE_CHECKING:
    from labkit.exercises.checker import Checker
else:
    __getattr__, __dir__, __all__ = late(__name__)
