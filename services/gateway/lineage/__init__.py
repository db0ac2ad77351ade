"""Lineage: which dataset version, job, model, evaluation, export, deployment or alias came from which."""
