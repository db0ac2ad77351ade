"""`python -m tools.seedling --out DIR`: pretrain the bundled base model from scratch."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from tools.seedling.train import Recipe, pretrain


def main() -> None:
    parser = argparse.ArgumentParser(description="Pretrain seedling, Anneal's small bundled base model.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--tokens", type=int, default=Recipe.tokens, help="training tokens (default %(default)s)")
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="random seed (default %(default)s)")
    parser.add_argument(
        "--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="data folder of Debian's package wordnet-base"
    )
    options = parser.parse_args()
    recipe = dataclasses.replace(Recipe(), tokens=options.tokens, seed=options.seed)
    pretrain(recipe, options.wordnet, options.out)


if __name__ == "__main__":
    main()
