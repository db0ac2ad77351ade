"""The training service: base models, presets, the queue of training jobs, and the custom models that jobs produce.

Consumes training.requested (only a wake-up, since the documents are the queue) and dataset.deleted (deletes the
dataset's token caches). Emits training.requested, training.progressed (broadcast), training.succeeded, training.failed,
training.cancelled, training.checkpoint_published, training.model_renamed and training.model_deleted.

It does not know how a dataset was validated, nor who evaluates, exports or deploys a model: it reads a dataset's
manifest and emits an event when a job has ended.

Imports point down: openai -> checkpoint_models -> jobs; estimates -> jobs -> presets, references, workers ->
custom_models, base_models -> store -> models.
"""
