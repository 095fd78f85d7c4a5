"""The way back: what a learning platform takes in again, made from the totals and pages of a night.

Files alone: no token, nobody's rights are needed, and each can be looked at before it is uploaded.
"""
