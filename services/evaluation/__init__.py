"""The evaluation room: scores a custom model beside its base on a split of a dataset.

Consumes training.succeeded.v1 (a job may ask for an evaluation in its `after` list) and evaluation.requested.v1, a
wake-up. Emits evaluation.requested.v1, evaluation.completed.v1 and evaluation.failed.v1. It reads models and datasets
through their manifests only; it does not know how a model was trained or who will serve it.
"""
