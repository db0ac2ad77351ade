"""Families of the zoo exported to ONNX: equal answers, or an error that says so. `make test-models` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.export.engine.onnx_export import trace, verify_onnx
from services.export.engine.verification import ExpectedOutputs, compute_logits, generate_greedy
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError
from tests.support.zoo import NO_ONNX, ONNX_TRIED, ZOO, save

PROMPTS = [list(range(40, 100, 3)), [7, 200, 41], list(range(90, 120))]
REFUSED = [family for family, entry in ZOO.items() if NO_ONNX in entry.limits]


def load(family: str, folder: Path) -> Any:
    return load_model({"path": str(save(family, folder)), "kind": "full", "base": None}, dtype="float32", device="cpu")


@pytest.mark.parametrize("family", ONNX_TRIED)
def test_onnx_export_equals_the_model(tmp_path: Path, family: str) -> None:
    model = load(family, tmp_path / "model")
    expected = ExpectedOutputs(PROMPTS, compute_logits(model, PROMPTS), generate_greedy(model, PROMPTS, []), [])
    (tmp_path / "onnx").mkdir()
    trace(model, tmp_path / "onnx")
    assert verify_onnx(tmp_path / "onnx", expected)["passed"]


@pytest.mark.parametrize("family", REFUSED)
def test_model_without_keys_and_values_has_no_onnx(tmp_path: Path, family: str) -> None:
    with pytest.raises(EngineError, match="keep other states") as refused:
        trace(load(family, tmp_path), tmp_path)
    assert refused.value.code == "onnx_unsupported"
