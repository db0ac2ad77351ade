"""Turns dataset shards into micro-batches of token ids."""
