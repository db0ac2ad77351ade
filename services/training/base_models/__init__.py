"""Models that can be trained: the bundled one, uploaded, fetched from a hub or an object store, and those made here."""
