"""Exercises of notebook 4."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
