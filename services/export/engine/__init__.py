"""The export engines: one module per format, each a child process of its own."""
