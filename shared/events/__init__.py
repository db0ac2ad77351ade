"""Every event of the platform: envelope, registry, and one file per producing service."""
