"""Versions made from versions (rows excluded, duplicates removed), and what distinguishes and repeats rows."""
