"""OpenAI's fine-tuning API over training jobs."""
