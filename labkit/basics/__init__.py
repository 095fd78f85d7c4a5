"""The ground floor: errors that are sentences, files that are whole or not there, the machine, the progress bar.

It imports nothing of ours, and everything may import it.
"""
