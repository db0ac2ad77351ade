"""A model trained again from its manifest, on the real engine; and how both runs are compared."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.training.workers.launchers import ENGINE
from shared.runtime.http.principal import Principal
from shared.runtime.processes.children import Engines
from tests.components.training.test_engine import SETTINGS, put_real_dataset
from tests.support.platform import wait_until
from tests.support.signing import SignedAs
from tests.support.training_service import FINAL, TrainingHarness, open_training, problem


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, engines: Engines, tiny_model: Path
) -> AsyncIterator[TrainingHarness]:
    async with open_training(tmp_path_factory.mktemp("home"), engines, tiny_model, engine=ENGINE) as opened:
        await put_real_dataset(opened.resources)
        yield opened


async def train(service: TrainingHarness, **settings: Any) -> str:
    job = await service.submit(dataset="ds_hello", **{**SETTINGS, "max_steps": 12, **settings})
    done = await service.wait_for_state(job["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    return str(done["model_id"])


async def reproduce(service: TrainingHarness, model: str) -> dict[str, Any]:
    answer = await service.http.post(f"/models/custom/{model}/reproduce")
    assert answer.status_code == 201, answer.text
    done = await service.wait_for_state(answer.json()["id"], *FINAL)
    assert done["state"] == "succeeded", done["logs"]
    return done


async def report(service: TrainingHarness, job: dict[str, Any], **query: Any) -> dict[str, Any]:
    answer = await service.http.get(f"/training/jobs/{job['id']}/reproduction", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_reproduction_is_equal_in_every_bit(service: TrainingHarness) -> None:
    model = await train(service, seed=5)
    job = await reproduce(service, model)
    assert (job["reproduces"], job["hyperparameters"]["seed"]) == (model, 5)
    found = await report(service, job)
    assert (found["verdict"], found["reasons"], found["differences"]) == ("equal", [], [])
    assert found["weights"]["equal"] == found["weights"]["count"] == len(found["weights"]["tensors"]) > 0
    assert (found["training_loss"]["steps"], found["training_loss"]["equal"]) == (12, True)
    assert (found["validation_loss"]["steps"], found["validation_loss"]["equal"]) == (3, True)
    assert (found["model_id"], found["reproduction_id"]) == (model, job["model_id"])


async def test_another_run_is_different_and_says_where(service: TrainingHarness) -> None:
    model = await train(service, seed=5)
    manifest = await service.resources.blobs.local_folder(f"default/models/custom/{model}")
    text = (manifest / "manifest.json").read_text()
    changed = text.replace('"seed": 5', '"seed": 6')
    await service.resources.blobs.put(f"default/models/custom/{model}/manifest.json", changed.encode())
    found = await report(service, await reproduce(service, model), tolerance=0)
    assert (found["verdict"], found["reasons"]) == ("different", [])
    first = found["weights"]["tensors"][0]
    assert found["weights"]["equal"] < found["weights"]["count"]
    assert first["max_difference"] == found["weights"]["max_difference"] > 0
    assert found["training_loss"]["max_difference"] > 0
    assert not found["training_loss"]["within_tolerance"]


async def test_several_threads_are_a_reason_for_other_bits(service: TrainingHarness) -> None:
    job = await reproduce(service, await train(service, threads=2, max_steps=1))
    (reason,) = (await report(service, job))["reasons"]
    assert "2 threads" in reason


async def test_what_is_no_finished_reproduction_is_refused(service: TrainingHarness) -> None:
    model = await train(service)
    original = (await service.http.get(f"/models/custom/{model}")).json()["job_id"]
    problem(await service.http.get(f"/training/jobs/{original}/reproduction"), 404, "not_found")

    queued = (await service.http.post(f"/models/custom/{model}/reproduce")).json()
    problem(await service.http.delete(f"/models/custom/{model}"), 409, "in_use")
    problem(await service.http.get(f"/training/jobs/{queued['id']}/reproduction"), 409, "not_reproduced_yet")
    await service.cancel(queued["id"])

    async def deleted() -> bool:  # once cleanup has removed the job's use of the model
        return (await service.http.delete(f"/models/custom/{model}")).status_code == 204

    await wait_until(deleted)
    problem(await service.http.post(f"/models/custom/{model}/reproduce"), 404, "not_found")


async def test_other_projects_cannot_reproduce_a_model(service: TrainingHarness) -> None:
    job = await reproduce(service, model := await train(service, max_steps=1))
    other = SignedAs(service.resources, Principal("stranger", "other", ("*",)))
    problem(await service.http.post(f"/models/custom/{model}/reproduce", auth=other), 404, "not_found")
    problem(await service.http.get(f"/training/jobs/{job['id']}/reproduction", auth=other), 404, "not_found")
