"""Evaluations that were computed elsewhere: results and samples of lm-eval, whose scores are computed anew."""
