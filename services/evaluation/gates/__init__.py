"""Evaluates candidates for aliases: runs of the suite's eval for the candidate and the current model, side by side."""
