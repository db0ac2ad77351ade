"""Attention kernels for packed rows, each proven against the plain one before it is used."""
