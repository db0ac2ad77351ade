"""Parameters are counted from safetensors headers, and damaged files are refused."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from shared.engine.loading.weight_files import count_bytes, count_parameters, require_finite
from shared.engine.process.protocol import EngineError


def test_parameters_of_a_model_are_counted(tiny_model: Path, model: Any) -> None:
    assert count_parameters(tiny_model) == sum(parameter.numel() for parameter in model.parameters())


def test_quantization_state_is_not_counted(tmp_path: Path) -> None:
    weights = {"a": torch.zeros(3, 4, dtype=torch.bfloat16), "scale": torch.tensor(1.0)}
    save_file(weights | {"a.quant_state.nf4": torch.zeros(9)}, tmp_path / "model.safetensors")
    assert count_parameters(tmp_path) == 13


def test_files_that_are_no_part_of_the_model_are_not_counted(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "model.safetensors")
    size = count_bytes(tmp_path)
    save_file({"b": torch.full((5,), torch.nan)}, tmp_path / "consolidated.safetensors")
    require_finite(tmp_path)
    assert (count_parameters(tmp_path), count_bytes(tmp_path)) == (3, size)


def with_header(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x08\0\0",
        with_header(b"not json"),
        with_header(b"[]"),
        with_header(b'{"a":{"dtype":"F32"}}'),
        with_header(b'{"a":{"dtype":["I8"],"shape":[4],"data_offsets":[0,4]}}') + b"abcd",
        struct.pack("<Q", 10**12) + b"{}",
        with_header(b'{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}') + b"abc",
        with_header(b'{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}') + b"abcde",
    ],
    ids=[
        "empty",
        "short",
        "not json",
        "not an object",
        "no shape",
        "list as type",
        "long header",
        "truncated",
        "extra bytes",
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(damaged)
    with pytest.raises(EngineError, match=r"model\.safetensors") as refused:
        count_parameters(tmp_path)
    assert refused.value.code == "model_incomplete"
