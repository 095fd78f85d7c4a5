"""Exercises of notebook 3."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
