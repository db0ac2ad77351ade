"""Comparisons of models on the same rows: intervals, paired tests, leaderboards."""
