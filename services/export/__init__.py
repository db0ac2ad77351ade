"""The export service: converts a custom model to a portable format and verifies the files before offering them.

Consumes training.succeeded.v1 (a job's `after` list may request exports), training.model_renamed.v1 (later exports have
the new name) and export.requested.v1 (wakes the worker).
Emits export.requested.v1, export.completed.v1 and export.failed.v1. It reads models only through their manifests.
"""
