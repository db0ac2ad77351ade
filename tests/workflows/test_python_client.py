"""The Python client on a running platform: the notebook of the documentation, cell by cell."""

import ast
import inspect
import json
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import anneal
from tests.workflows.conftest import Embedded

NOTEBOOK = Path(__file__).parents[2] / "docs/guides/python_client.ipynb"


async def test_notebook_runs(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANNEAL_HOME", str(embedded.home))
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] == "code":
            code: CodeType = compile("".join(cell["source"]), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if inspect.isawaitable(result):
                await result
    assert "422 learning_rate" in capsys.readouterr().out
    assert (names["job"]["state"], names["export"]["verdict"]) == ("succeeded", "verified")
    assert names["archive"].startswith(b"PK")
    assert names["evaluation"]["evaluated"] == 4
    names["client"].close()


def test_paths_quote_what_they_are_given(embedded: Embedded) -> None:
    key = (embedded.home / "api-key").read_text().strip()
    with anneal.Client(str(embedded.http.base_url), key) as client, pytest.raises(anneal.AnnealError) as error:
        client.get_dataset("../models/custom?x=")
    assert (error.value.status, error.value.code) == (404, "not_found")
