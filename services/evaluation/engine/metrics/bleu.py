"""BLEU (Papineni et al. 2002) by sacrebleu (Post 2018): exponential smoothing, 0 to 100.

BLEU = 100 · BP · exp(mean of ln p_n for n = 1 … 4), with the clipped n-gram precisions p_n and the brevity penalty
BP = min(1, exp(1 - reference length / prediction length)). The references determine two settings, which the signature
names: the tokenizer, by their script, and the effective order, if none of them has 4 tokens (n-grams that no row is
long enough for are then left out of the mean, which would be 0 with them).
"""

from collections.abc import Sequence
from functools import lru_cache

import regex
from sacrebleu.metrics.bleu import BLEU

from services.evaluation.engine.metrics.scripts import UNSPACED

MAX_ORDER = 4
MIN_SHARE = 0.1
"""Share of the letters from which on Chinese, or scripts without spaces, determine the tokenizer: a character there
carries as much as several Latin letters."""
_LETTER, _LATIN, _HAN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}"), regex.compile(r"\p{Han}")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")


def choose_tokenizer(references: Sequence[str]) -> str:
    """Return sacrebleu's tokenizer for the script of the references.

    `char` for Japanese, Korean and Southeast Asian scripts without spaces (sacrebleu's MeCab tokenizers need
    dictionaries that may be absent), `zh` for Chinese, `13a` for Latin script, `intl` for all others.
    """
    text = "".join(references)
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
    score = bleu_for(references).corpus_score(predictions, [references]).score
    return {"bleu": min(float(score), 100.0)}  # rounding may exceed 100


def bleu_statistics(predictions: Sequence[str], references: Sequence[str]) -> list[list[int]]:
    """Count each row: lengths of prediction and reference, then matching and all n-grams of the prediction, n = 1…4."""
    counts: list[list[int]] = bleu_for(references)._extract_corpus_statistics(predictions, [references])
    return counts


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
