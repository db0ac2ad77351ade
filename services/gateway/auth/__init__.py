"""Who asks: API keys, browser sessions, one-time links, and the rules for hosts and origins."""
