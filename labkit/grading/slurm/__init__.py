"""A batch on a cluster: chunks as a job array, results handed over as files, one writer.

Nothing comes back as a pickle.
"""
