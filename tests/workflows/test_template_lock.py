"""The template's hash goes with a model from its training on: no room works with a model whose files do not fit it."""

import json
from pathlib import Path
from typing import Any

from tests.workflows.conftest import Embedded

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"


def test_four_rooms_hold_the_template_lock(laptop: Embedded) -> None:
    dataset = laptop.upload("triage.jsonl", SAMPLE.read_bytes()).raise_for_status().json()["id"]
    job = laptop.post("/training/jobs", {"dataset": dataset, "max_steps": 1})
    done = laptop.until(f"/training/jobs/{job['id']}", lambda found: found["state"] in ("succeeded", "failed"))
    model = done["model_id"]
    ask = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
    assert laptop.post("/v1/chat/completions", ask)["choices"], "what training wrote fits"

    other = trained_with_another_template(laptop.home, model)
    refused = laptop.http.post("/v1/chat/completions", json={**ask, "model": other})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "template_mismatch")
    evaluation = laptop.post(f"/models/custom/{other}/evaluate", {})
    assert ended(laptop, f"/evaluations/{evaluation['id']}")["cause"] == "template_mismatch"
    export = laptop.http.get(f"/models/custom/{other}/export", params={"format": "torch"}).json()
    assert ended(laptop, f"/exports/{export['id']}")["cause"] == "template_mismatch"


def trained_with_another_template(home: Path, model: str) -> str:
    """The model once more, whose manifest remembers another template than its files have."""
    manifest = home / "blobs/objects/default/models/custom" / model / "manifest.json"
    told = json.loads(manifest.read_text())
    other = manifest.parents[1] / "model_other"
    other.mkdir()
    for file in told["files"]:
        (other / file["name"]).write_bytes((manifest.parent / file["name"]).read_bytes())
    changed = {**told, "model_id": "model_other", "template_hash": told["template_hash"][::-1]}
    (other / "manifest.json").write_text(json.dumps(changed))
    return "model_other"


def ended(laptop: Embedded, path: str) -> Any:
    return laptop.until(path, lambda found: found["state"] in ("succeeded", "failed"))
