"""The evidence bench: a local page on which people mark answers and reports, question by question.

What they say becomes lines of `marks`; nothing else is written, and nothing of a submission runs.
"""
