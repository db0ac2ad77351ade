"""Models that jobs produce: listed, annotated, deleted."""
