"""Exercises of notebook 6."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
