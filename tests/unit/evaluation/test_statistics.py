"""Intervals and paired tests: equal to scipy's and sacrebleu's on the same samples of rows, and to published values."""

import os
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from sacrebleu.metrics.bleu import BLEU

from services.evaluation.comparison.statistics import (
    RESAMPLES,
    SEED,
    Samples,
    Sums,
    bootstrap_interval,
    holm,
    interval,
    mcnemar,
    paired_bootstrap,
    paired_test,
)


def values(seed: int, rows: int = 60) -> list[float]:
    return np.random.default_rng(seed).random(rows).tolist()


def test_intervals_equal_scipys() -> None:
    one, other = values(1), values(2)
    options = {"n_resamples": RESAMPLES, "method": "percentile", "rng": np.random.default_rng(SEED)}
    found = scipy.stats.bootstrap((one,), np.mean, **options).confidence_interval
    assert bootstrap_interval(one) == pytest.approx(tuple(found), abs=1e-12)
    options["rng"] = np.random.default_rng(SEED)
    paired = scipy.stats.bootstrap((one, other), lambda a, b, axis: (a - b).mean(axis), paired=True, **options)
    test = paired_bootstrap(one, other)
    assert test.interval == pytest.approx(tuple(paired.confidence_interval), abs=1e-12)
    assert test.difference == pytest.approx(np.mean(one) - np.mean(other))


@pytest.mark.parametrize(
    ("right", "rows", "expected"),
    [(0, 40, (0.0, 0.0876)), (40, 40, (0.9124, 1.0)), (5, 10, (0.2366, 0.7634)), (15, 148, (0.0624, 0.1605))],
)
def test_shares_have_wilsons_interval(right: int, rows: int, expected: tuple[float, float]) -> None:
    """The last is Newcombe's example (1998, Statistics in Medicine 17, table I)."""
    found = bootstrap_interval([1.0] * right + [0.0] * (rows - right))
    assert found == pytest.approx(expected, abs=1e-4)
    assert found == pytest.approx(tuple(scipy.stats.binomtest(right, rows).proportion_ci(method="wilson")), abs=1e-6)


def test_p_values_of_means_follow_scipys_permutation_test() -> None:
    for shift in (0.0, 0.05, 0.1, 0.15):
        one = values(3)
        other = [value - shift + noise for value, noise in zip(one, 0.4 * np.array(values(4)) - 0.2, strict=True)]
        exact = scipy.stats.permutation_test(
            (one, other), lambda a, b, axis: (a - b).mean(axis), permutation_type="samples", rng=1
        )
        assert paired_bootstrap(one, other).p_value == pytest.approx(exact.pvalue, abs=0.05)


def test_few_rows_are_never_significant() -> None:
    """Three rows of a kind come up by chance in 1 of 4 cases; the bootstrap's p-value would be 0."""
    assert paired_bootstrap([0.5, 0.6, 0.9], [0.1, 0.3, 0.2]).p_value == pytest.approx(0.25, abs=0.05)
    assert paired_bootstrap([0.5], [0.1]).p_value == 1
    assert paired_bootstrap([0.5, 0.1], [0.5, 0.1]).p_value == 1


def test_samples_of_a_corpus_score_equal_sacrebleus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SACREBLEU_SEED", str(SEED))
    references = [f"the train {n} to town {n % 7} leaves at {n % 24} from track {n % 5}" for n in range(80)]
    answers = [text.replace("leaves", "departs") if n % 3 else text for n, text in enumerate(references)]
    bleu = BLEU()
    theirs = bleu.corpus_score(answers, [references], n_bootstrap=RESAMPLES)
    statistics = np.array(bleu._extract_corpus_statistics(answers, [references]), dtype=float)

    def score(sums: np.ndarray) -> float:
        return bleu._compute_score_from_stats(list(sums)).score

    ours = [score(sums) for sums in Samples(80).resampled(statistics)]
    assert np.mean(ours) == pytest.approx(theirs._mean, abs=1e-4)
    sums = Samples(80).resampled(statistics)
    low, high = interval(statistics, score, sums) or (0, 0)
    assert (high - low) / 2 == pytest.approx(theirs._ci, rel=0.02)
    test = paired_test(statistics, statistics, score, Sums(sums, sums, 0 * sums))
    assert test is not None
    assert (test.difference, test.interval, test.p_value) == (0, (0, 0), 1)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    """Agresti's approval ratings (Categorical Data Analysis, table 10.1): 794, 150, 86, 570."""
    first = [1] * 794 + [1] * 150 + [0] * 86 + [0] * 570
    second = [1] * 794 + [0] * 150 + [1] * 86 + [0] * 570
    found = mcnemar(first, second)
    assert found.p_value == pytest.approx(scipy.stats.binomtest(86, 236).pvalue)
    assert found.interval == pytest.approx((0.0213, 0.0587), abs=2e-4)  # Wald's, with 1,600 rows the same
    assert found.difference == pytest.approx(0.04)
    assert paired_bootstrap(first, second) == found
    assert found.significant
    low, high = mcnemar([1] * 20, [1] * 20).interval
    assert low < 0 < high
    assert mcnemar([1] * 20, [1] * 20).p_value == 1


def test_holms_adjustment() -> None:
    """Holm's example (1979), as in R's p.adjust."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    adjusted = [holm(sorted(values(5, 9)))[index] for index in range(9)]
    assert all(one <= other <= 1 for one, other in pairwise(adjusted))


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_bootstrap([1.0], [1.0, 0.0])
