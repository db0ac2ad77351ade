"""The model under training: loading, loss, optimizer."""
