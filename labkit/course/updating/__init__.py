"""A newer release of the course brought into a student's folder, and the release that is there repaired.

Nothing of the student's is lost: answers and own cells stay as they are, and files that are replaced are kept in a
folder of their own. Nothing is executed.
"""
