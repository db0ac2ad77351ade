"""BLEU (Papineni et al. 2002) by sacrebleu (Post 2018): exponential smoothing, 0 to 100.

BLEU = 100 · BP · exp(mean of ln p_n for n = 1 … 4), with the clipped n-gram precisions p_n and the brevity penalty
BP = min(1, exp(1 - reference length / prediction length)). The references determine two settings, which the signature
names: the tokenizer, by their script, and the effective order, if none of them has 4 tokens (n-grams that no row is
long enough for are then left out of the mean, which would be 0 with them). Tokens and n-grams are counted here, with
the same numbers as sacrebleu's in less time; its formula gives the score.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import regex
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from services.evaluation.engine.metrics.ngrams import Encoder, Tokens, shared_ngrams
from services.evaluation.engine.metrics.scripts import UNSPACED

MAX_ORDER = 4
MIN_SHARE = 0.1
"""Share of the letters from which on Chinese, or scripts without spaces, determine the tokenizer: a character there
carries as much as several Latin letters."""
_LETTER, _LATIN, _HAN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}"), regex.compile(r"\p{Han}")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_SYMBOLS = {
    code: f" {chr(code)} "
    for ends in ("{~", "[`", "!&", "(+", ":@", "//")
    for code in range(ord(ends[0]), ord(ends[1]) + 1)
}
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_AFTER, _BEFORE, _DASH = re.compile(r"[^0-9][.,]"), re.compile(r"[.,][^0-9]"), re.compile(r"[0-9]-")


def choose_tokenizer(references: Sequence[str]) -> str:
    """Return sacrebleu's tokenizer for the script of the references.

    `char` for Japanese, Korean and Southeast Asian scripts without spaces (sacrebleu's MeCab tokenizers need
    dictionaries that may be absent), `zh` for Chinese, `13a` for Latin script, `intl` for all others.
    """
    text = "".join(references)
    if text.isascii():
        return "13a"
    letters = len(_LETTER.findall(text))
    unspaced, han, latin = (len(kind.findall(text)) for kind in (_UNSPACED, _HAN, _LATIN))
    if unspaced and unspaced + han >= MIN_SHARE * letters and unspaced >= MIN_SHARE * han:
        return "char"
    if han and han >= MIN_SHARE * letters:
        return "zh"
    return "13a" if latin >= letters / 2 else "intl"


def bleu_for(references: Sequence[str]) -> BLEU:
    """Return the BLEU of sacrebleu that fits the references."""
    name = choose_tokenizer(references)
    tokenizer = _bleu(name, False).tokenizer
    return _bleu(name, all(len(tokenizer(reference).split()) < MAX_ORDER for reference in references))


@lru_cache
def _bleu(tokenizer: str, effective_order: bool) -> BLEU:
    return BLEU(tokenize=tokenizer, effective_order=effective_order, force=True)


def corpus_bleu(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Compute corpus BLEU, 0 to 100: n-gram counts are summed over all rows."""
    sums = bleu_statistics(predictions, references).sum(0).tolist()
    score = bleu_for(references)._compute_score_from_stats(sums).score
    return {"bleu": min(float(score), 100.0)}  # rounding may exceed 100


def bleu_statistics(predictions: Sequence[str], references: Sequence[str]) -> NDArray[np.int64]:
    """Count each row: lengths of prediction and reference, then matching and all n-grams of the prediction, n = 1…4."""
    encode = _encoder(choose_tokenizer(references))
    predicted, expected = list(map(encode, predictions)), list(map(encode, references))
    lengths = np.array([list(map(len, predicted)), list(map(len, expected))]).T
    found = np.maximum(lengths[:, :1] - np.arange(MAX_ORDER), 0)
    return np.hstack([lengths, shared_ngrams(predicted, expected, MAX_ORDER), found])


def _encoder(name: str) -> Callable[[str], Tokens]:
    if name == "13a":
        encode = Encoder(_split_word).encode
        return lambda text: encode(_join_lines(text))
    tokenizer, encode = _bleu(name, False).tokenizer, Encoder(lambda token: [token]).encode
    return lambda text: encode(tokenizer(text.rstrip()))


def tokenize_13a(text: str) -> list[str]:
    """Split text as sacrebleu's tokenizer 13a. But for the first two, its replacements do not cross white space: each
    is applied to a word, and only to those that it can change.
    """
    return [token for word in _join_lines(text).split() for token in _split_word(word)]


def _join_lines(text: str) -> str:
    return text.rstrip().replace("<skipped>", "").replace("-\n", "")


def _split_word(word: str) -> list[str]:
    if "&" in word:
        for entity, character in _ENTITIES:
            word = word.replace(entity, character)
    tokens: list[str] = []
    for part in word.translate(_SYMBOLS).split():
        tokens += _split_punctuation(f" {part} ") if "." in part or "," in part or "-" in part else [part]
    return tokens


def _split_punctuation(word: str) -> list[str]:
    word = _AFTER.sub(lambda found: f"{found[0][0]} {found[0][1]} ", word)
    word = _BEFORE.sub(lambda found: f" {found[0][0]} {found[0][1]}", word)
    return _DASH.sub(lambda found: f"{found[0][0]} - ", word).split()


def bleu_signature(references: Sequence[str]) -> str:
    """Return sacrebleu's signature, which names every setting of the score."""
    bleu = bleu_for(references)
    bleu.num_refs = 1
    return str(bleu.get_signature())


def row_bleu(prediction: str, reference: str) -> dict[str, float]:
    """Compute sentence BLEU, 0 to 100, to sort rows by; its mean is not corpus BLEU.

    Effective order: n-grams longer than the row are left out of the mean.
    """
    score = _bleu(choose_tokenizer([reference]), True).sentence_score(prediction, [reference]).score
    return {"bleu": min(float(score), 100.0)}
