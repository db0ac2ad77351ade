"""A model that cannot be converted to ONNX is refused in one readable line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from services.export.engine.onnx_export import trace
from shared.engine.process.protocol import EngineError


class DataDependent(torch.nn.Module):
    """A model whose number of outputs depends on the values of its input, which no graph can express."""

    decoding_mode = "cached"

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        chosen = torch.zeros(len(input_ids), 1, int(input_ids.sum()) + 5, 4)
        return SimpleNamespace(logits=chosen, past_key_values=DynamicCache(ddp_cache_data=[(chosen, chosen)]))


def test_error_names_the_cause_without_colours(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as refused:
        trace(DataDependent(), tmp_path)
    assert refused.value.code == "onnx_unsupported"
    assert refused.value.fields["remedy"] == "Use the format torch."
    prefix, _, cause = refused.value.detail.partition(": ")
    assert prefix == "torch.onnx.export cannot convert this architecture"
    assert cause
    assert "\x1b" not in cause
    assert "\n" not in cause
