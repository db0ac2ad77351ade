"""The inference service: serves base models and custom models behind an OpenAI-compatible API.

Purpose: chat and text completions, streamed or in one response, from any model that has a manifest; deployments, which
keep models loaded; answers that callers ask to store, and feedback on them.
Consumes: training.succeeded.v1 (lists the custom model, and deploys it if the job requested that),
training.checkpoint_published.v1 (lists the custom model), training.model_renamed.v1 (lists the model under its new
name), training.model_deleted.v1 (removes the model and its deployments).
Emits: inference.model_ready.v1, inference.model_undeployed.v1, and alias.created.v1, .promoted.v1, .rolled_back.v1,
.candidate_submitted.v1 and .candidate_decided.v1.
It does not know: who trained a model, or on which data. torch is imported only below engine/, in child processes.
"""
