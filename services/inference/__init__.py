"""The inference room: models answer here, behind the API that OpenAI's clients know.

Purpose: chat and text completions, streamed or whole, from any model whose manifest exists; deployments.
Consumes: training.succeeded.v1 (the model is listed, and deployed when its owner asked), training.model_deleted.v1.
Emits: inference.model_ready.v1, inference.model_undeployed.v1.
It does not know: who trained a model or on what. torch lives in its engine, a child process, alone.
"""
