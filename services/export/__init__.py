"""The export room: turns a custom model into files for elsewhere, each checked before it is offered.

Consumes training.succeeded.v1 (a job may ask for exports in its `after` list) and export.requested.v1, a wake-up. Emits
export.requested.v1, export.completed.v1 and export.failed.v1. It reads models through their manifests only; it does
not know how a model was trained, nor who downloads it.
"""
