"""Families of the zoo exported to ONNX: equal answers, or an error that says so; a damaged file is found out.

`make test-models` runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from services.export.engine.onnx_export import trace, verify_onnx
from services.export.engine.prompts import Prompts
from services.export.engine.reference import Expected
from services.export.engine.runtimes import TOP_OF_TUNED, TorchRuntime, run_prompts
from shared.engine.loading.load import load_model
from shared.engine.process.protocol import EngineError, null_reporter
from tests.support.zoo import NO_ONNX, ONNX_TRIED, ZOO, save

PROMPTS = Prompts([list(range(40, 100, 3)), [7, 200, 41], list(range(90, 120))], [[50, 60]] * 3, "three")
REFUSED = [family for family, entry in ZOO.items() if NO_ONNX in entry.limits]


def load(family: str, folder: Path) -> Any:
    return load_model({"path": str(save(family, folder)), "kind": "full", "base": None}, dtype="float32", device="cpu")


def reverse_a_matrix(folder: Path) -> None:
    """Damage one of the weights."""
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    matrices = [tensor for tensor in graph.initializer if len(tensor.dims) == 2 and tensor.external_data]
    tensor = min(matrices, key=lambda tensor: abs(np.prod(tensor.dims) - 64 * 64))
    at = {entry.key: entry.value for entry in tensor.external_data}
    first, size = int(at["offset"]) // 4, int(at["length"]) // 4
    data = np.memmap(folder / at["location"], np.float32, "r+")
    data[first : first + size] = data[first : first + size][::-1].copy()


@pytest.mark.parametrize("family", ONNX_TRIED)
def test_onnx_export_equals_the_model(tmp_path: Path, family: str) -> None:
    model = load(family, tmp_path / "model")
    expected = Expected(PROMPTS, run_prompts(TorchRuntime(model, []), PROMPTS, TOP_OF_TUNED), [])
    (tmp_path / "onnx").mkdir()
    trace(model, tmp_path / "onnx")
    assert verify_onnx(tmp_path / "onnx", expected, null_reporter())["passed"]
    reverse_a_matrix(tmp_path / "onnx")
    check = verify_onnx(tmp_path / "onnx", expected, null_reporter())
    assert check["verdict"] == "drifted", check


@pytest.mark.parametrize("family", REFUSED)
def test_model_without_keys_and_values_has_no_onnx(tmp_path: Path, family: str) -> None:
    with pytest.raises(EngineError, match="keep other states") as refused:
        trace(load(family, tmp_path), tmp_path)
    assert refused.value.code == "onnx_unsupported"
