"""Previews of files before their upload: raw rows, how they would be read, and what to map."""
