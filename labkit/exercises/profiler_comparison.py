"""Exercises of notebook 9."""

from labkit.exercises.base import Exercise

EXERCISES: tuple[Exercise, ...] = ()
