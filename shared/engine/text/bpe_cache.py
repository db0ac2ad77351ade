"""Byte-level BPE through a cache: the ids of each word are looked up, because text repeats its words.

Byte-level BPE (Radford et al. 2019, GPT-2) first splits text into words with regular expressions and then merges
within each word alone. The ids of a word therefore never depend on its neighbors, and caching them is exact. The
tokenizer's own patterns split the text, its own model encodes each new word. Tokenizers with any other rule
(normalization beyond NFC, dropout, byte fallback, ...) are not cached: `CachedBpeTokenizer.of` returns None.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np
import regex

ID_DTYPE = np.dtype("<i4")
"""Data type of token ids wherever they are stored as bytes."""
MAX_WORDS = 200_000
"""Words in the cache, some 40 MB; a full cache is cleared."""

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PROBE = "It's 1,024 naïve  words\t— “quoted”\r\n\n\n   x²=½; 你好, мир!! I'LL\u00a0go\u3000e\u0301\u1680٣ 'S \x1c\x85 "
"""Text on which cache and tokenizer must agree: contractions, digits, punctuation, combining marks, Unicode spaces."""
_CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"
_WORDS_END_AT_SPACES = {
    *_CONTRACTIONS.split("|"),
    rf"(?i:{_CONTRACTIONS})",
    *(r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\p{L}\p{N}]+", r"\s+(?!\S)", r"\s+"),
    *(r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+"),
    *(r"\d", r"\p{N}", r"\p{N}+"),
}
"""Alternatives of GPT-2's, Llama 3's and Qwen's patterns, and of digits, that match a space only at their start or
after other whitespace. No word of theirs continues across a space that follows a visible character."""
_ASCII = {r"\p{L}": "A-Za-z", r"\p{N}": "0-9"}


class BpeCache(dict[str, bytes]):
    """Maps words to their ids as bytes; encodes a missing word with the BPE model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._byte_to_unicode = _bytes_to_unicode()

    def __missing__(self, word: str) -> bytes:
        if len(self) >= MAX_WORDS:
            self.clear()
        letters = "".join(self._byte_to_unicode[byte] for byte in word.encode())
        self[word] = ids = np.array([token.id for token in self.model.tokenize(letters)], ID_DTYPE).tobytes()
        return ids


class CachedBpeTokenizer:
    """A byte-level BPE tokenizer with cached words; `of` decides for which tokenizers it is exact."""

    def __init__(self, backend: Any, patterns: list[str], added: dict[str, int], normalizes: bool) -> None:
        self._cache = BpeCache(backend.model)
        self._unicode = [regex.compile(f"({pattern})") for pattern in patterns]
        self._ascii = [re.compile(f"({_to_ascii(pattern)})", re.ASCII) for pattern in patterns]
        if any(pattern.groups != 1 for pattern in self._unicode):
            raise ValueError("a pattern with groups of its own")
        self.words_end_at_spaces = all(map(_ends_at_spaces, patterns)) and not any(" " in token for token in added)
        self._normalizes = normalizes
        self.added = {text: np.array([id], ID_DTYPE).tobytes() for text, id in added.items()}
        longest_first = sorted(map(re.escape, added), key=len, reverse=True)
        self._split_at_added: Callable[[str], list[str]] = (
            re.compile(f"({'|'.join(longest_first)})").split if added else lambda text: [text]
        )

    @classmethod
    def of(cls, backend: Any) -> CachedBpeTokenizer | None:
        """Wrap a `tokenizers.Tokenizer`; None unless all its rules are known and both agree on a probe text."""
        rules = json.loads(backend.to_str())
        patterns, added = _split_patterns(rules["pre_tokenizer"]), rules["added_tokens"]
        if patterns is None or not (_is_plain_bpe(rules["model"]) and all(map(_is_plain_added_token, added))):
            return None
        if rules["normalizer"] not in (None, {"type": "NFC"}):
            return None
        try:
            cached = cls(backend, patterns, {t["content"]: t["id"] for t in added}, rules["normalizer"] is not None)
        except (re.error, regex.error, ValueError):
            return None
        probe = unicodedata.normalize("NFC", _PROBE.join(["", *cached.added, ""]))
        return cached if cached.ids(probe) == backend.encode(probe, add_special_tokens=False).ids else None

    def ids(self, text: str) -> list[int] | None:
        """Token ids of `text`; None where `split` returns None."""
        parts = self.split(text)
        return None if parts is None else np.frombuffer(b"".join(ids for _, ids in parts), ID_DTYPE).tolist()

    def disable_model_cache(self) -> None:
        """Free the BPE model's own word cache (4 MB and more): this class asks the model for each word only once.

        tokenizers has no documented call for it; a version without `_resize_cache` keeps its cache.
        """
        getattr(self._cache.model, "_resize_cache", lambda size: None)(0)

    def split(self, text: str) -> list[tuple[str, bytes]] | None:
        """Split at added tokens; each part with its ids. None for text that the tokenizer would normalize."""
        if not self.is_normalized(text):
            return None
        return [(part, self.added.get(part) or self.encode_plain(part)) for part in self._split_at_added(text) if part]

    def is_normalized(self, text: str | bytes) -> bool:
        """Whether the tokenizer's normalizer leaves the text as it is."""
        if not self._normalizes or text.isascii():
            return True
        return unicodedata.is_normalized("NFC", text if isinstance(text, str) else text.decode())

    def encode_plain(self, text: str) -> bytes:
        """Ids, as bytes, of text that contains no added token."""
        pieces: Iterable[str] = (text,)
        # Only `regex` knows \p{L} and \p{N}, but `re` splits ASCII text faster: 17 MB/s instead of 10.
        for pattern in self._ascii if text.isascii() else self._unicode:
            pieces = filter(None, chain.from_iterable(map(pattern.split, pieces)))
        return b"".join(map(self._cache.__getitem__, pieces))


def _split_patterns(rule: dict[str, Any] | None) -> list[str] | None:
    """The regular expressions that split text into words, applied in order; None for an unknown pre-tokenizer."""
    steps = (rule or {}).get("pretokenizers", [rule])
    patterns = []
    for step in steps:
        match step:
            case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
                patterns.append(pattern)
            case {"type": "Digits", "individual_digits": individual}:
                patterns.append(r"\p{N}" if individual else r"\p{N}+")
            case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": uses_gpt2} if step is steps[-1]:
                patterns += [_GPT2] if uses_gpt2 else []
            case _:
                return None
    return patterns if steps and steps[-1] and steps[-1]["type"] == "ByteLevel" else None


def _ends_at_spaces(pattern: str) -> bool:
    """Whether splitting text before a space that follows a visible character leaves this pattern's words unchanged."""
    return _WORDS_END_AT_SPACES.issuperset(re.split(r"\|(?![^(]*\))", pattern))


def _is_plain_bpe(model: dict[str, Any]) -> bool:
    extras = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return model["type"] == "BPE" and not any(model.get(name) for name in extras)


def _is_plain_added_token(token: dict[str, Any]) -> bool:
    return not any(token[name] for name in ("single_word", "lstrip", "rstrip"))


def _to_ascii(pattern: str) -> str:
    r"""The pattern restricted to ASCII text, without \p{...}, so that `re` can compile it."""
    for name, letters in _ASCII.items():
        inside = re.sub(r"(\[[^\]]*)" + re.escape(name), r"\g<1>" + letters, pattern)
        while inside != pattern:
            pattern, inside = inside, re.sub(r"(\[[^\]]*)" + re.escape(name), r"\g<1>" + letters, inside)
        pattern = pattern.replace(name, f"[{letters}]")
    return pattern


def _bytes_to_unicode() -> list[str]:
    """The printable character that stands for each byte in a byte-level vocabulary (GPT-2's `bytes_to_unicode`)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
