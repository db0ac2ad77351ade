"""Metrics of answers: functions of one row, and `evaluate.Metric` classes over rows (classes.py)."""
