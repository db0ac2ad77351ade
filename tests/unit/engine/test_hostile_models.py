"""Every hostile model of the catalogue is refused with the field that is wrong and a remedy, before it is loaded."""

from pathlib import Path

import pytest

from services.training.engine.tasks import inspect_model
from shared.engine.process.protocol import EngineError
from shared.engine.text import render_limits
from tests.security.items import ModelItem
from tests.security.models import MODELS


@pytest.fixture(scope="module")
def sound(tiny_model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tiny_model.iterdir()}


@pytest.mark.parametrize("item", MODELS, ids=lambda item: item.name)
def test_hostile_model_is_refused(
    item: ModelItem, sound: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_limits, "CPU_S", 0.2)
    for name, data in item.files(sound).items():
        (tmp_path / name).write_bytes(data)
    if not item.cause:
        warnings = inspect_model.main({"path": str(tmp_path)}, None, None)["warnings"]  # type: ignore[arg-type]
        assert [warning["code"] for warning in warnings] == [item.detail]
        return
    with pytest.raises(EngineError) as refused:
        inspect_model.main({"path": str(tmp_path)}, None, None)  # type: ignore[arg-type]
    assert (refused.value.code, item.detail in refused.value.detail) == (item.cause, True), refused.value.detail
    assert refused.value.fields.get("remedy")
