"""Evals in OpenAI's format: testing criteria, runs over rows, and the graded output items of a run."""
