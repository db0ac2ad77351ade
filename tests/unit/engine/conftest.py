"""A tiny model on disk, its tokenizer and its template, made once for these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from shared.engine.loading.load import load_model
from shared.engine.text.template import ChatTemplate
from shared.engine.text.tokenizer import load_tokenizer
from tests.support.tiny_model import make_tiny_model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """With a model this small, more threads only add waiting."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_ref(tiny_model: Path) -> dict[str, Any]:
    return {"path": str(tiny_model), "kind": "full", "base": None}


@pytest.fixture(scope="session")
def tokenizer(tiny_ref: dict[str, Any]) -> Any:
    return load_tokenizer(tiny_ref)


@pytest.fixture(scope="session")
def model(tiny_ref: dict[str, Any]) -> Any:
    return load_model(tiny_ref, dtype="float32", device="cpu")


@pytest.fixture
def template(tokenizer: Any) -> ChatTemplate:
    return ChatTemplate.of(tokenizer)
