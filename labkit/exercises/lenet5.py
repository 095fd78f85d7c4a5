"""Exercises of notebook 8."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
