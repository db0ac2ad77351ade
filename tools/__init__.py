"""Programs for maintainers of the platform; no service imports them."""
