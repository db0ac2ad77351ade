"""Arrow arrays round-trip, and engines that use them do not import pandas."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shared.engine.arrow import binary_array, integer_array, to_numpy

ROOT = Path(__file__).parents[3]
TOKENIZED = """
from tokenizers import Tokenizer
from shared.engine.text.samples import RenderedSample
from shared.engine.text.tokenize import BoundaryTokenizer
tokenizer = BoundaryTokenizer(Tokenizer.from_file("services/training/seedling/tokenizer.json"))
for text in ("known", "known and new", "known and new"):
    assert tokenizer.encode_all([RenderedSample.from_text(text, [], [])]) == [tokenizer.encode(text, [], [])]
"""
SHARDED = """
import sys
from pathlib import Path
from services.dataset.engine.shards import ShardWriter
writer = ShardWriter(Path(sys.argv[1]), "train")
writer.add((1, "ä:1", b"{}", b""))
writer.close()
"""


def test_arrays_round_trip() -> None:
    assert binary_array([b"", b"\xff", b"ab"]).to_pylist() == [b"", b"\xff", b"ab"]
    assert binary_array(["é".encode()], pa.string()).to_pylist() == ["é"]
    assert binary_array([]).to_pylist() == []
    every_other = np.arange(6)[::2]
    assert to_numpy(integer_array(every_other)).tolist() == integer_array(every_other).to_pylist() == [0, 2, 4]


@pytest.mark.parametrize("work", [TOKENIZED, SHARDED], ids=["tokenized", "sharded"])
def test_engines_do_not_import_pandas(work: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{work}\nimport sys; sys.exit('pandas' in sys.modules)", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
