"""A service as an HTTP server: its process, multipart bodies, the signed principal."""
