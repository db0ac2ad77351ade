"""vLLM's own tests need vLLM: `make vllm && make test-vllm`."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a command there is nothing to start."""
    if os.environ.get("ANNEAL_VLLM_COMMAND"):
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs ANNEAL_VLLM_COMMAND: make vllm && make test-vllm"))
