"""File formats of an upload and their limits."""

from typing import Literal

TEXT_EXTENSIONS = (".txt", ".jsonl", ".json", ".csv", ".tsv")
DATA_EXTENSIONS = (*TEXT_EXTENSIONS, ".parquet", ".arrow")
COMPRESSED_EXTENSIONS = tuple(f"{extension}.gz" for extension in TEXT_EXTENSIONS)
EXTENSIONS = (*DATA_EXTENSIONS, *COMPRESSED_EXTENSIONS, ".zip")
OTHER_NAMES = {".ndjson": ".jsonl"}

Encoding = Literal[
    "utf-8",
    "utf-16",
    "windows-1252",
    "iso-8859-15",
    "mac-roman",
    "windows-1250",
    "windows-1251",
    "shift_jis",
    "euc-kr",
    "gb18030",
]
"""Encodings of a text file, by Python's names. What programs call Latin-1 (ISO 8859-1) is windows-1252, as on the web
(WHATWG Encoding)."""

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
    """Return the extension in lower case: `.jsonl` of `Rows.JSONL`; empty without a dot.

    Of two, the first counts: `.jsonl.gz` is one extension, and `.jsonl.txt` is `.jsonl`, named by an editor on Windows.
    """
    stem, dot, last = filename.lower().rpartition(".")
    extension = OTHER_NAMES.get(dot + last, dot + last) if dot else ""
    inner = extension_of(stem) if extension in (".gz", ".txt") else ""
    if extension == ".gz" and inner in TEXT_EXTENSIONS:
        return inner + extension
    return inner if extension == ".txt" and inner in DATA_EXTENSIONS else extension


def name_without_extension(filename: str) -> str:
    """Return `rows` of `rows.jsonl.gz`, and of `rows.jsonl.txt`."""
    name = filename.rpartition(".")[0]
    return name_without_extension(name) if extension_of(name) in TEXT_EXTENSIONS else name
