"""Presets: named sets of training settings."""
