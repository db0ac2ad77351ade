"""Each hostile item gets the answer that docs/security.md lists, and another tenant is answered after it."""

from pathlib import Path
from typing import Any

import pytest

from tests.security.__main__ import render
from tests.security.catalogue import ITEMS, Item
from tests.security.items import ModelItem, UploadItem
from tests.security.models import HEADERS
from tests.security.tenants import Measured, Tenants
from tests.security.uploads import MODELS as BASES
from tests.security.uploads import zipped


def send(tenants: Tenants, item: Item, sound: dict[str, bytes]) -> Any:
    """The answer to an item."""
    if isinstance(item, ModelItem):
        archive = zipped(*((f"m/{name}", data) for name, data in item.files(sound).items()))
        return tenants.attacker.http.post(BASES, files={"file": ("m.zip", archive)}, data={"name": item.name})
    if isinstance(item, UploadItem):
        file = (item.file_name, item.content())
        return tenants.attacker.http.post(item.path, files={"file": file}, data=dict(item.fields))
    headers = {"Content-Type": "application/json"}
    return tenants.attacker.http.request(item.method, item.path, content=item.body, headers=headers)


def code(answer: Any) -> str:
    """The code of a problem with its cause; else a warning, or the state of what was made."""
    body = answer.json()
    problem = body.get("error") or body
    if answer.is_error:
        name, cause = problem["code"], problem.get("cause")
        return str(name) if cause in (None, name) else f"{name} ({cause})"
    warned = body.get("warnings") or []
    return str(warned[0]["code"] if warned else body["state"])


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item.kind}: {item.name}")
def test_item(tenants: Tenants, measured: Measured, item: Item, sound: dict[str, bytes]) -> None:
    answer = send(tenants, item, sound)
    assert (answer.status_code, code(answer)) == (item.status, item.code), answer.text[:500]
    if answer.is_error:
        body = answer.json()
        assert (body.get("error") or body).get("remedy") or item.code == "not_found", body
    tenants.answer_other(measured)


def test_folder_is_checked_like_an_upload(tenants: Tenants, sound: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in HEADERS[0].files(sound).items():
        (tmp_path / name).write_bytes(data)
    answer = tenants.operator.http.post(BASES, json={"path": str(tmp_path)})
    assert (answer.status_code, code(answer), answer.json()["field"]) == (422, HEADERS[0].code, "path")


def test_page_is_up_to_date() -> None:
    assert Path("docs/security.md").read_text() == render()
