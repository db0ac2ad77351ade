"""Text generation: the decode loop, its KV cache, sampling, streaming."""
