"""Safe loading of model folders."""
