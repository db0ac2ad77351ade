"""Text generation: continuous batching, KV cache, sampling and incremental detokenization."""
