"""Names of custom models and of aliases: requests can name a model by them, so they are plain text."""

from unicodedata import category

FORBIDDEN = frozenset('/\\<>"`')
JOINERS = frozenset("\u200c\u200d")
"""Characters that some scripts and emoji need, although Unicode counts them as controls."""
ALLOWED = 'letters, digits, spaces and . _ - and other punctuation, but not / \\ < > " ` and no control characters'


def plain_name(text: str) -> str:
    """The text with a hyphen for every character that a name may not have."""
    return "".join(char if _allowed(char) else "-" for char in text)


def _allowed(char: str) -> bool:
    kind = category(char)
    return char in JOINERS or not (char in FORBIDDEN or kind.startswith("C") or kind in ("Zl", "Zp"))
