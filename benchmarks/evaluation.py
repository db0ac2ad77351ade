"""BLEU, ROUGE and their 95 % intervals over pairs of texts, beside sacrebleu and rouge-score with their bootstraps.

python benchmarks/evaluation.py [--pairs 10000] [--rounds 3] [--data FILE.jsonl]

Answers are the texts with some words left out, doubled or exchanged. Both sides score the same pairs in turn, in one
process; the figures are medians over the rounds. The scores must be identical. The target is a ratio of 10.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

TARGET_RATIO, RESAMPLES = 10, 1000
TEXT = "the train to town leaves at nine from track with two bags and a dog , which sleeps . it is 7 hours late !"
WORDS = TEXT.split(" ")
ROUGE = ("rouge1", "rouge2", "rougeL")


def main() -> None:
    """Measure, then print both times, the ratio and the RESULT line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="JSON Lines with a text in `answer`; default: made-up sentences")
    options = parser.parse_args()
    references = read_texts(options.data, options.pairs)
    answers = [damaged(text, random.Random(number)) for number, text in enumerate(references)]
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    scores: dict[str, dict[str, float]] = {}
    for score in (ours, theirs):  # imports
        score(answers[:10], references[:10])
    for number in range(options.rounds):
        for side, score in sorted({"ours": ours, "theirs": theirs}.items(), reverse=number % 2 == 0):
            started = time.process_time()
            scores[side] = score(answers, references)
            seconds[side].append(time.process_time() - started)
    different = {name: (scores["ours"][name], other) for name, other in scores["theirs"].items()}
    assert all(abs(one - other) < 1e-9 for one, other in different.values()), different
    medians = {side: round(statistics.median(found), 2) for side, found in seconds.items()}
    ratio = round(statistics.median(b / a for a, b in zip(seconds["ours"], seconds["theirs"], strict=True)), 1)
    print(f"ours {medians['ours']} s, sacrebleu and rouge-score {medians['theirs']} s of CPU for {len(answers)} pairs")
    print(f"ratio {ratio}, target {TARGET_RATIO}: {'reached' if ratio >= TARGET_RATIO else 'missed'}; equal scores")
    hardware = f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    found = {
        "pairs": len(answers),
        "seconds": medians,
        "ratio": ratio,
        "target": TARGET_RATIO,
        "scores": scores["ours"],
    }
    print("RESULT", json.dumps({**found, "hardware": hardware}))


def ours(answers: list[str], references: list[str]) -> dict[str, float]:
    """Score as an evaluation does, with intervals."""
    import numpy as np

    from services.evaluation.comparison.scores import score_functions
    from services.evaluation.comparison.statistics import Samples
    from services.evaluation.comparison.summary import intervals, resample
    from services.evaluation.engine.metrics.bleu import bleu_signature, bleu_statistics
    from services.evaluation.engine.metrics.rouge import rouge_scores

    rows = rouge_scores(answers, references)
    found: dict[str, Any] = {name: np.array([(row[name], 1.0) for row in rows]) for name in ROUGE}
    found["bleu"] = bleu_statistics(answers, references).astype(np.float64)
    functions = score_functions(list(found), {"bleu": bleu_signature(references)})
    assert intervals(found, functions, resample(found, Samples(len(rows)))).keys() == found.keys()
    return {name: float(functions[name](values.sum(0)) or 0) for name, values in found.items()}


def theirs(answers: list[str], references: list[str]) -> dict[str, float]:
    """Score by sacrebleu and rouge-score, with as many bootstrap samples."""
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.scoring import BootstrapAggregator
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU().corpus_score(answers, [references], n_bootstrap=RESAMPLES).score
    scorer, aggregator = RougeScorer(ROUGE), BootstrapAggregator(n_samples=RESAMPLES)
    sums = dict.fromkeys(ROUGE, 0.0)
    for answer, reference in zip(answers, references, strict=True):
        found = scorer.score(reference, answer)
        aggregator.add_scores(found)
        sums = {name: total + found[name].fmeasure for name, total in sums.items()}
    aggregator.aggregate()
    return {"bleu": bleu, **{name: total / len(answers) for name, total in sums.items()}}


def read_texts(path: Path | None, count: int) -> list[str]:
    """Return texts of a file, repeated as often as needed, or made-up ones."""
    if path is None:
        chance = random.Random(0)
        return [" ".join(chance.choices(WORDS, k=chance.randint(20, 120))) for _ in range(count)]
    texts = [json.loads(line)["answer"] for line in path.read_text("utf-8").splitlines()]
    texts = [text for text in texts if text.isascii()]  # rouge-score drops all other letters
    return [texts[number % len(texts)] for number in range(count)]


def damaged(text: str, chance: random.Random) -> str:
    """Return the text with one word of ten left out, doubled or exchanged."""
    words = []
    for word in text.split(" "):
        kind = chance.random()
        words += (
            [word] if kind > 0.1 else [] if kind > 0.06 else [word, word] if kind > 0.03 else [chance.choice(WORDS)]
        )
    return " ".join(words)


if __name__ == "__main__":
    main()
