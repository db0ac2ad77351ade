"""File formats of an upload and their limits."""

DATA_EXTENSIONS = (".txt", ".jsonl", ".json", ".csv", ".parquet")
EXTENSIONS = (*DATA_EXTENSIONS, ".zip")

MAX_ROW_BYTES = 16 << 20
"""Bytes of one line, JSON element or paragraph."""
MAX_CELL_CHARS = 4 << 20
"""Characters of one cell: a prompt, an answer, a message, a text."""
MAX_ARCHIVE_FILES = 1_000
MAX_EXPANSION = 100
"""How many times larger than the compressed file its content may be."""
SMALL_ARCHIVE_BYTES = 64 << 20
"""Uncompressed bytes that any archive may have, however small it is."""


def extension_of(filename: str) -> str:
    """Return the extension in lower case: `.jsonl` of `Rows.JSONL`; empty without a dot."""
    _, dot, extension = filename.rpartition(".")
    return dot + extension.lower() if dot else ""
