"""labkit: a course lab kit for handwritten digits, from MLP to CNN.

Importing the package is cheap; each room (module) loads torch, pandas or matplotlib only where it uses them.
"""

__version__ = "0.1.0"
