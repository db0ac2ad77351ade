"""Every service refuses a model whose chat template does not match the hash recorded at training."""

import json
from pathlib import Path
from typing import Any

from tests.workflows.conftest import Embedded

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"


def test_inference_evaluation_and_export_refuse_another_template(embedded: Embedded) -> None:
    dataset = embedded.upload("triage.jsonl", SAMPLE.read_bytes()).raise_for_status().json()["id"]
    job = embedded.post("/training/jobs", {"dataset": dataset, "max_steps": 1})
    done = embedded.until(f"/training/jobs/{job['id']}", lambda found: found["state"] in ("succeeded", "failed"))
    model = done["model_id"]
    request = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
    assert embedded.post("/v1/chat/completions", request)["choices"], "the trained model matches its own hash"

    other = copy_with_wrong_template_hash(embedded.home, model)
    refused = embedded.http.post("/v1/chat/completions", json={**request, "model": other})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "template_mismatch")
    evaluation = embedded.post(f"/models/custom/{other}/evaluate", {})
    assert wait_until_ended(embedded, f"/evaluations/{evaluation['id']}")["cause"] == "template_mismatch"
    export = embedded.http.get(f"/models/custom/{other}/export", params={"format": "torch"}).json()
    assert wait_until_ended(embedded, f"/exports/{export['id']}")["cause"] == "template_mismatch"


def copy_with_wrong_template_hash(home: Path, model: str) -> str:
    """Copy a model with a manifest whose template hash does not match its files; returns the copy's id."""
    manifest = home / "blobs/objects/default/models/custom" / model / "manifest.json"
    original = json.loads(manifest.read_text())
    other = manifest.parents[1] / "model_other"
    other.mkdir()
    for file in original["files"]:
        (other / file["name"]).write_bytes((manifest.parent / file["name"]).read_bytes())
    changed = {**original, "model_id": "model_other", "template_hash": original["template_hash"][::-1]}
    (other / "manifest.json").write_text(json.dumps(changed))
    return "model_other"


def wait_until_ended(embedded: Embedded, path: str) -> Any:
    return embedded.until(path, lambda found: found["state"] in ("succeeded", "failed"))
