"""Builds the bundled base model "seedling" from generated text. Knows nothing of jobs, datasets or the platform."""
