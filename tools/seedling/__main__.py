"""`python -m tools.seedling --out DIR`: rebuilds the bundled base model from nothing."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from tools.seedling.train import Recipe, run


def main() -> None:
    parser = argparse.ArgumentParser(description="Pre-train seedling, Anneal's small bundled base model.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--tokens", type=int, default=Recipe.tokens, help="training tokens (default %(default)s)")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument(
        "--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="data folder of Debian's package wordnet-base"
    )
    options = parser.parse_args()
    recipe = dataclasses.replace(Recipe(), tokens=options.tokens, seed=options.seed)
    run(recipe, options.wordnet, options.out)


if __name__ == "__main__":
    main()
