"""From what a platform packed to submissions: members of a zip, uploads, one reader of notebooks, restored cells.

What follows trusts what comes out of it.
"""
