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

import regex
from sacrebleu.metrics.bleu import BLEU

from services.evaluation.engine.metrics.ngrams import count_shared
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
    sums = [sum(column) for column in zip(*bleu_statistics(predictions, references), strict=True)]
    score = bleu_for(references)._compute_score_from_stats(sums).score
    return {"bleu": min(float(score), 100.0)}  # rounding may exceed 100


def bleu_statistics(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Count each row: lengths of prediction and reference, then matching and all n-grams of the prediction, n = 1…4."""
    tokenize = _tokenizer(choose_tokenizer(references))
    return [_counts(tokenize(one), tokenize(other)) for one, other in zip(predictions, references, strict=True)]


def _counts(predicted: list[str], expected: list[str]) -> list[int]:
    shared = [count_shared(predicted, expected, n) for n in range(1, MAX_ORDER + 1)]
    return [len(predicted), len(expected), *shared, *(max(len(predicted) - n, 0) for n in range(MAX_ORDER))]


def _tokenizer(name: str) -> Callable[[str], list[str]]:
    if name == "13a":
        return tokenize_13a
    tokenizer = _bleu(name, False).tokenizer
    return lambda text: tokenizer(text.rstrip()).split()


def tokenize_13a(text: str) -> list[str]:
    """Split text as sacrebleu's tokenizer 13a: its first expression is a table here, and the others, which look at
    neighbouring characters, are applied to the words that they can change.
    """
    line = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in line:
        for entity, character in _ENTITIES:
            line = line.replace(entity, character)
    tokens: list[str] = []
    for word in line.translate(_SYMBOLS).split():
        if "." in word or "," in word or "-" in word:
            tokens += _split_punctuation(f" {word} ")
        else:
            tokens.append(word)
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
