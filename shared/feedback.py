"""What inference and dataset agree on about rows of feedback."""

LEFT_OUT_HEADER = "x-anneal-left-out"
"""Of GET /feedback/rows: JSON, reason -> verdicts that no row has."""
