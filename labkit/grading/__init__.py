"""A TA's night and day: from a batch of submissions to results, a gradebook and pages.

Rooms from the ground up: texts and sandbox; intake; settings and records; judging, pages and returning; slurm;
recount; batch, decide and give_back; gradescope.
"""
