"""Deployment: how services become processes, and the reference documents generated from them."""
