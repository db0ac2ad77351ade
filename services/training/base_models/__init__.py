"""Base models: the bundled one, uploads, folders of the server, downloads from a hub or an object store."""
