"""Scripts of a text: which are written without spaces between words, and how words are found in any script."""

import re
import unicodedata

import regex

UNSPACED = r"\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts, besides Han, whose characters are compared one by one. Korean has spaces, but between phrases."""
_WORD = regex.compile(rf"[{UNSPACED}\p{{Han}}]\p{{M}}*|(?:(?![{UNSPACED}\p{{Han}}])[\p{{L}}\p{{M}}\p{{N}}])+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_SYMBOL = regex.compile(r"\S")


def words(text: str) -> list[str]:
    """Split text into lower-case words of letters and digits; CJK and Southeast Asian scripts by character.

    ASCII text gives runs of a-z and 0-9, as in rouge_score.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    found: list[str] = _WORD.findall(unicodedata.normalize("NFC", text.lower()))
    return found


def symbols(text: str) -> list[str]:
    """Split text into its characters except white space, for text without words (punctuation, emoji)."""
    found: list[str] = _SYMBOL.findall(text)
    return found
