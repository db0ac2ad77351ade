"""Deployments: which models are loaded, and under which names."""
