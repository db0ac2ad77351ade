"""Serving on vLLM: servers, placement, merged adapters."""
