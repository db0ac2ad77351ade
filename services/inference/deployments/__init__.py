"""Deployments, which keep models loaded, and the catalog of models that can be served."""
