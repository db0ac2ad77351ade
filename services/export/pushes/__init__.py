"""Pushes: copies of a built export in a repository of a Hugging Face hub, or in an object store."""
