"""`JOB:STEP` in place of a model: a checkpoint, which is published as a custom model at its first use."""

import re
from typing import Any

from cli.client import Client
from cli.resources import find
from cli.waiting import finished

CHECKPOINT = re.compile(r"(.+):([0-9]+)")
CHECKPOINT_HELP = "JOB:STEP for a checkpoint, as listed by `anneal jobs checkpoints`"


def resolve_model(client: Client, reference: str) -> str:
    """Return the id of the checkpoint's model for `JOB:STEP`, and any other reference, also such a name, unchanged."""
    found = CHECKPOINT.fullmatch(reference)
    if not found or find(client, "custom model", reference) != reference:
        return reference
    job, step = found.groups()
    job_id = find(client, "job", job)
    return str(publish_checkpoint(client, job_id, step)["model_id"]) if job_id.startswith("job_") else reference


def publish_checkpoint(client: Client, job_id: str, step: str | int) -> dict[str, Any]:
    """Publish a checkpoint as a custom model and wait until it is one; at once where it already is."""
    path = f"/training/jobs/{job_id}/checkpoints/{step}/model"
    return finished(client, path, client.post(path), f"publishing step {step}")
