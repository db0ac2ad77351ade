"""`anneal`: an HTTP client of the platform; `anneal up` and `anneal demo` also start one."""

__version__ = "0.2.0"
