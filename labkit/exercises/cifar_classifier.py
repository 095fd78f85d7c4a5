"""Exercises of notebook 2."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
