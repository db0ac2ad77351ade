"""The vLLM engine: server processes, GPU placement, merging of adapters that vLLM cannot apply."""
