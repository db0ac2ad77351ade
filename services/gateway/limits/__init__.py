"""Limits: what a key and a project may use, what they have used, and the enforcement before a request is forwarded."""
