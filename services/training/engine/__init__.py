"""The training engine: runs in child processes that train, inspect and download models; only they import torch."""
