"""Resolved settings: the value of each setting of a request that is being written, where it comes from, its limits."""
