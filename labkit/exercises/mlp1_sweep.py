"""Exercises of notebook 5."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
