"""A TA's night and day: from a batch of submissions to results, a gradebook and pages.

Rooms from the ground up: texts and sandbox; intake; settings and records; judging and pages; slurm; recount;
batch and decide.
"""
