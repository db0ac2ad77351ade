"""Judgements: a model compares the answers of two models to the same rows, in both orders."""
