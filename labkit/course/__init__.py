"""The course as a whole: its shelf of notebooks, warm kernels, runs, the student version, submissions.

What it executes it trusts; for what nobody trusts there is `labkit.grading`.
"""
