"""Checkpoints of jobs, published as custom models."""
