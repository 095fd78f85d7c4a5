"""Processes that are shut away: warm kernels in bubblewrap, their limits and guard, and helpers with bounds.

Nothing here knows of submissions.
"""
