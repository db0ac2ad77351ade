"""Work on the rows of published versions: search, exclude, deduplicate, compare."""
