"""Reads the rows that feedback becomes from the inference service, as any client may."""

import json
from pathlib import Path

import httpx

from services.dataset.errors import NoFeedback
from services.dataset.layouts import MODEL_COLUMNS
from services.dataset.models import Origin
from shared.feedback import LEFT_OUT_HEADER
from shared.runtime.http.addresses import SourceUnreachable
from shared.runtime.http.principal import Principal, Signer
from shared.runtime.http.service_calls import SignedCall, is_reachable, open_client
from shared.runtime.resources import Resources

NAME = "inference"
TIMEOUT_S = 60.0


async def read_feedback(resources: Resources, project: str, origin: Origin, folder: Path) -> tuple[Path, str, Origin]:
    """Write the rows to a file. Return it, its name, and the origin with the models found and what was left out.

    Raises NoFeedback or SourceUnreachable.
    """
    if not is_reachable(resources, NAME):
        remedy = "Set ANNEAL_SERVICES of the dataset service to inference=http://…"
        raise SourceUnreachable("The address of the inference service is not set.", field="feedback", remedy=remedy)
    path, models = folder / "feedback.jsonl", set[str]()
    signed = SignedCall(Signer(resources.keyring, "dataset"), NAME, Principal("anneal/dataset", project, ("read",)))
    asked = {"kind": origin.location, "model": origin.models}
    try:
        async with (
            open_client(resources, NAME, read_timeout=TIMEOUT_S) as client,
            client.stream("GET", "/feedback/rows", params=asked, auth=signed) as response,
        ):
            response.raise_for_status()
            left_out = json.loads(response.headers[LEFT_OUT_HEADER])
            with path.open("w") as file:
                async for line in response.aiter_lines():
                    row = json.loads(line)
                    models.update(row[column] for column in MODEL_COLUMNS if column in row)
                    file.write(f"{line}\n")
    except httpx.HTTPError as error:
        detail = f"The inference service does not give the feedback: {type(error).__name__}."
        raise SourceUnreachable(detail, field="feedback", remedy="Try again in a moment.") from error
    if unused := sorted({*origin.models} - models):
        detail = f"No {origin.location} that can be trained on have answers of {', '.join(unused)}."
        remedy = "Leave these models out, or correct their ids; of a preference, name both models."
        raise NoFeedback(detail, field="models", remedy=remedy)
    if not models:
        counts = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in left_out.items()) or "none yet"
        remedy = "Vote on answers that differ, in the playground or through the API."
        raise NoFeedback(f"No {origin.location} can be trained on: {counts}.", field="feedback", remedy=remedy)
    return (
        path,
        f"feedback-{origin.location}.jsonl",
        origin.model_copy(update={"models": sorted(models), "left_out": left_out}),
    )
