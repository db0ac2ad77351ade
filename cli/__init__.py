"""`anneal`: a pure HTTP client of the platform; only `up` starts something."""

__version__ = "0.2.0"
