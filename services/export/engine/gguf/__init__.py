"""Writes and runs GGUF, the file format of llama.cpp (github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""
