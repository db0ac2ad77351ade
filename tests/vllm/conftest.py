"""These tests need a vLLM installation: `make vllm && make test-vllm`."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests if no vLLM command is configured."""
    if os.environ.get("ANNEAL_VLLM_COMMAND"):
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="needs ANNEAL_VLLM_COMMAND: make vllm && make test-vllm"))
