"""The export engines: one module per format, each run in its own child process."""
