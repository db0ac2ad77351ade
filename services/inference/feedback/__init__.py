"""Stored answers, people's votes on them, and the rows of preference data that the votes become."""
