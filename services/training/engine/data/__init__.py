"""From dataset shards to micro-batches of token ids."""
