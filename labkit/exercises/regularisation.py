"""Exercises of notebook 7."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
