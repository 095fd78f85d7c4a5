"""One notebook of a batch: executed in the sandbox, judged outside of it, compared with what was claimed.

The rehearsal does the same with the course's own notebooks.
"""
