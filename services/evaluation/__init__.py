"""The evaluation service: scores a custom model and its base model on a split of a dataset.

Consumes training.succeeded.v1 (a job's `after` list may request an evaluation) and evaluation.requested.v1 (wakes the
worker). Emits evaluation.requested.v1, evaluation.completed.v1 and evaluation.failed.v1. It reads models and datasets
only through their manifests.
"""
