"""Packed attention: kernels for a GPU and a CPU."""
