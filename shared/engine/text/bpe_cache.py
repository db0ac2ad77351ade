"""Token ids at the speed of a dictionary: byte-level BPE works word by word, and text repeats its words.

The tokenizer's own rules cut the text into words, its own model turns each new word into ids, and both are then
remembered. The ids are the tokenizer's to the last one; what it is asked to do beyond that rule, it does itself.
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

ID = np.dtype("<i4")
"""How ids are written, everywhere."""
MOST_WORDS = 200_000
"""Remembered at once, some 40 MB; then they are forgotten and learned anew."""

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PROBE = "It's 1,024 naïve  words\t— “quoted”\r\n\n\n   x²=½; 你好, мир!! I'LL\u00a0go\u3000e\u0301\u1680٣ 'S \x1c\x85 "
_CONTRACTED = "'s|'t|'re|'ve|'m|'ll|'d"
_SPACES_END_WORDS = {
    *_CONTRACTED.split("|"),
    rf"(?i:{_CONTRACTED})",
    *(r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\p{L}\p{N}]+", r"\s+(?!\S)", r"\s+"),
    *(r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+"),
    *(r"\d", r"\p{N}", r"\p{N}+"),
}
"""Alternatives of patterns (GPT-2's, Llama 3's, Qwen's, digits) that match no space right behind anything but space."""
_ASCII = {r"\p{L}": "A-Za-z", r"\p{N}": "0-9"}


class Words(dict[str, bytes]):
    """Ids of words, as bytes; a new word is asked of the model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._letters = _byte_letters()

    def __missing__(self, word: str) -> bytes:
        if len(self) >= MOST_WORDS:
            self.clear()
        letters = "".join(self._letters[byte] for byte in word.encode())
        self[word] = ids = np.array([token.id for token in self.model.tokenize(letters)], ID).tobytes()
        return ids


class WordTokenizer:
    """A byte-level BPE tokenizer that remembers words; `of` says for which tokenizers it is exact."""

    def __init__(self, backend: Any, cuts: list[str], added: dict[str, int], composed: bool) -> None:
        self._words = Words(backend.model)
        self._unicode = [regex.compile(f"({cut})") for cut in cuts]
        self._ascii = [re.compile(f"({_in_ascii(cut)})", re.ASCII) for cut in cuts]
        if any(cut.groups != 1 for cut in self._unicode):
            raise ValueError("a pattern with groups of its own")
        self.spaces_end_words = all(map(_ends_at_spaces, cuts)) and not any(" " in token for token in added)
        self._composed = composed
        self.added = {text: np.array([id], ID).tobytes() for text, id in added.items()}
        longest_first = sorted(map(re.escape, added), key=len, reverse=True)
        self._parts: Callable[[str], list[str]] = (
            re.compile(f"({'|'.join(longest_first)})").split if added else lambda text: [text]
        )

    @classmethod
    def of(cls, backend: Any) -> WordTokenizer | None:
        """For a `tokenizers.Tokenizer`; None unless its rules are known and a probe of them agrees."""
        rules = json.loads(backend.to_str())
        cuts, added = _cuts(rules["pre_tokenizer"]), rules["added_tokens"]
        if cuts is None or not (_plain_bpe(rules["model"]) and all(map(_plainly_found, added))):
            return None
        if rules["normalizer"] not in (None, {"type": "NFC"}):
            return None
        try:
            made = cls(backend, cuts, {t["content"]: t["id"] for t in added}, rules["normalizer"] is not None)
        except (re.error, regex.error, ValueError):
            return None
        probe = unicodedata.normalize("NFC", _PROBE.join(["", *made.added, ""]))
        return made if made.ids(probe) == backend.encode(probe, add_special_tokens=False).ids else None

    def ids(self, text: str) -> list[int] | None:
        """The whole text's ids; None for text that only the tokenizer itself can take."""
        parts = self.parts(text)
        return None if parts is None else np.frombuffer(b"".join(ids for _, ids in parts), ID).tolist()

    def remember_alone(self) -> None:
        """Take the model's own memory of words from it, 4 MB and more: it is asked for each of them once.

        tokenizers does not document how, so a version that knows no such thing keeps its memory.
        """
        getattr(self._words.model, "_resize_cache", lambda size: None)(0)

    def parts(self, text: str) -> list[tuple[str, bytes]] | None:
        """The text as the pieces that are tokenized apart, added tokens alone, each with its ids; None as for `ids`."""
        if not self.takes(text):
            return None
        return [(part, self.added.get(part) or self.plain(part)) for part in self._parts(text) if part]

    def takes(self, text: str | bytes) -> bool:
        """Whether the tokenizer would leave the text as it is."""
        if not self._composed or text.isascii():
            return True
        return unicodedata.is_normalized("NFC", text if isinstance(text, str) else text.decode())

    def plain(self, text: str) -> bytes:
        """Ids of text without added tokens in it."""
        pieces: Iterable[str] = (text,)
        for cut in self._ascii if text.isascii() else self._unicode:
            pieces = filter(None, chain.from_iterable(map(cut.split, pieces)))
        return b"".join(map(self._words.__getitem__, pieces))


def _cuts(rule: dict[str, Any] | None) -> list[str] | None:
    """The patterns that cut words out, one after the other; None for a rule that is not known here."""
    steps = (rule or {}).get("pretokenizers", [rule])
    found = []
    for step in steps:
        match step:
            case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
                found.append(pattern)
            case {"type": "Digits", "individual_digits": alone}:
                found.append(r"\p{N}" if alone else r"\p{N}+")
            case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": own} if step is steps[-1]:
                found += [_GPT2] if own else []
            case _:
                return None
    return found if steps and steps[-1] and steps[-1]["type"] == "ByteLevel" else None


def _ends_at_spaces(pattern: str) -> bool:
    """Whether text may be cut at any space behind something else without changing the words of this pattern."""
    return _SPACES_END_WORDS.issuperset(re.split(r"\|(?![^(]*\))", pattern))


def _plain_bpe(model: dict[str, Any]) -> bool:
    odd = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    return model["type"] == "BPE" and not any(model.get(name) for name in odd)


def _plainly_found(token: dict[str, Any]) -> bool:
    return not any(token[name] for name in ("single_word", "lstrip", "rstrip"))


def _in_ascii(pattern: str) -> str:
    """The pattern for text that is ASCII throughout, in terms of the faster `re`."""
    for name, letters in _ASCII.items():
        inside = re.sub(r"(\[[^\]]*)" + re.escape(name), r"\g<1>" + letters, pattern)
        while inside != pattern:
            pattern, inside = inside, re.sub(r"(\[[^\]]*)" + re.escape(name), r"\g<1>" + letters, inside)
        pattern = pattern.replace(name, f"[{letters}]")
    return pattern


def _byte_letters() -> list[str]:
    """The printable character that stands for each byte (GPT-2's bytes_to_unicode)."""
    shown = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in shown else chr(next(others)) for byte in range(256)]
