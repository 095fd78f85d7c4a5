"""What `labkit new-exercise` writes: the beginning of an exercise; what a person must fill in says so."""

MODULE = '''"""Exercises of notebook {chapter}."""

from __future__ import annotations

EXERCISES = ()
'''
ANSWERS = "RIGHT = {}\nWRONG = {}\n"

CELLS = '''# ### Exercise {id} — to be written (2 points)
#
# To be written: what the function gets, and what it returns.


# %%
def exercise_{slug}(number):
    """To be written: what it returns."""
    ### BEGIN SOLUTION
    return 2 * number  # to be written
    ### END SOLUTION


# %%
check("{id}", exercise_{slug})
### BEGIN HIDDEN TESTS
assert check.passed("{id}")
### END HIDDEN TESTS

# %% [markdown]
'''

IMPORTS = """from typing import Any

import numpy as np

from labkit.exercises import trials
from labkit.exercises.exercise import Exercise, Inputs, Wrong
"""

JUDGE = """def _draw_{slug}(rng: np.random.Generator) -> Inputs:
    return [(int(rng.integers(2, 100)),) for _ in range(3)]  # to be written


def _judge_{slug}(answers: list[Any], inputs: Inputs) -> None:
    raise Wrong("The judge of exercise {id} is still to be written: no answer to it passes.")


"""

EXERCISE = """    Exercise(
        "{id}",
        "to be written",
        2,
        trials.calls,
        _draw_{slug},
        _judge_{slug},
        (
            "To be written: a first hint, which says where to look.",
            "To be written: a stronger hint, for who failed twice.",
        ),
    ),
"""

RIGHT = '    "{id}": [],  # to be written: two or more right answers, of different form\n'
WRONG = '    "{id}": [],  # to be written: three or more, each with the part of the message that names the mistake\n'
