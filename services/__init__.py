"""The six services. They never import each other; they communicate through events and immutable manifests."""
