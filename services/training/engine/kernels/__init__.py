"""Faster implementations of model layers, each used only where a trial agrees with the model's own layer."""
