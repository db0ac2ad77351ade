"""Code that runs in engine child processes; the only modules of this service that import torch."""
