"""The training room: base models, presets, the queue of training jobs, and the custom models that they make.

Consumes training.requested (a wake-up; the documents are the queue) and dataset.deleted (its tokens go). Emits
training.requested, training.progressed (broadcast), training.succeeded, training.failed, training.cancelled and
training.model_deleted.

It does not know how a dataset was validated, nor who evaluates, exports or deploys a model: it reads a dataset's
manifest and states that a job has ended.
"""
