"""Copied work: what few groups share of runs, code and prose, found in a graded folder and laid before a person.

Nothing here says who copied, or how likely it is: it shows what two groups share, and how few others do.
"""
