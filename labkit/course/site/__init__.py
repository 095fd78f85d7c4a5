"""The course as pages for reading: every notebook with its figures, the API beside it, a search, and no network.

What a student has to find is not on them: no solution, no hidden test, no model answer, and nothing that they computed.
"""
