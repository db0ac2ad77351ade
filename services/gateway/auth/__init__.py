"""Authentication: API keys, browser sessions, one-time links, and the host and origin checks."""
