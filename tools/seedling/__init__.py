"""Pretrains the bundled base model "seedling" on generated text. Independent of the platform's services."""
