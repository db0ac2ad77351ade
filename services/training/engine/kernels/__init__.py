"""Faster implementations of model layers, each used only where a trial agrees with the plain layer."""
