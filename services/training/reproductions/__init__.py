"""Reproductions: a model trained again from what its manifest records, and both compared."""
