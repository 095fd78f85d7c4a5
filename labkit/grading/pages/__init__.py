"""The pages that a TA reads and students get back; nothing of a submission runs in them.

Everything shown is bounded, and written anew by us.
"""
