"""Reads, checks, converts and writes rows in a child process, without network access or credentials."""
