"""The six rooms. They never import each other; they talk by events and immutable manifests."""
