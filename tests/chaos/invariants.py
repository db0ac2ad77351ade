"""The invariant checker of the chaos test: compares what clients were promised with what is stored.

Every line it returns is a violation.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from shared.bus.protocol import DeadLetter
from shared.bus.rabbit import RabbitBus
from shared.documents.entities import derived_id
from shared.documents.mongo import connect
from shared.runtime.jobs.streams import Streams
from tests.chaos.clients import FINAL, Accepted, Submitted
from tests.chaos.environment import Environment
from tests.support.scripted_trainer import expected_losses

ENDS = {f"training.{state}.v1": state for state in FINAL}
EXPLAINED = ("worker_lost", "killed", "disk_full", "platform_error")
"""Failure causes that faults explain, after all retries."""
FOLLOW_UPS = (
    ("evaluation", "evaluation_evaluations", "evaluate", "scope.model_id"),
    ("export", "export_exports", "export_torch", "target.model_id"),
    ("inference", "inference_deployments", "deploy", "model_id"),
)
"""Service, collection, name of what a job may request of it, and the field with the job's model."""
SETTLE_TIMEOUT_S = 150.0
"""How long the platform may take to become idle after the last fault; the longest retry delay is one minute."""


@dataclass
class Findings:
    """The result of the invariant checks."""

    violations: list[str]
    final_states: Counter[str]
    causes: Counter[str]
    settle_s: float


class InvariantChecker:
    """Reads the documents without a proxy, and the datasets through the gateway."""

    def __init__(self, environment: Environment, accepted: Accepted) -> None:
        self._environment, self._accepted, self._database = environment, accepted, environment.database
        self._violations: list[str] = []
        self._jobs: dict[str, Any] = {}

    async def settle(self) -> float:
        """Wait until no work or event is pending; returns the seconds it took. Nobody replays dead letters."""
        began = time.monotonic()
        while time.monotonic() - began < SETTLE_TIMEOUT_S and await self._is_busy():
            await asyncio.sleep(1.0)
        return time.monotonic() - began

    async def dead_letters(self) -> list[DeadLetter]:
        """Return all dead letters."""
        bus = await RabbitBus.connect(self._environment.servers["bus"].url)
        try:
            return await bus.dead()
        finally:
            await bus.close()

    async def _is_busy(self) -> bool:
        checks = (self._unpublished, self._stale_overviews, self._count_missing_follow_ups, self._count_active)
        return any([await check() for check in checks])  # in this order: events request work

    async def _count_active(self) -> int:
        """Count the unfinished work of all services."""
        open_states = ["queued", "running", "pausing", "paused", "publishing", "loading"]
        names = (
            "training_jobs",
            "evaluation_evaluations",
            "export_exports",
            "inference_deployments",
            "dataset_versions",
        )
        where = {"state": {"$in": open_states}}
        return sum([await self._database[name].count_documents(where) for name in names])

    async def _count_missing_follow_ups(self) -> int:
        """Count the follow-ups of succeeded jobs whose event is still on its way."""
        missing = 0
        for id, submitted in self._accepted.jobs.items():
            done = await self._database["training_jobs"].find_one({"_id": id, "state": "succeeded"})
            model = await self._database["training_models"].find_one({"job_id": id})
            if done and model:
                for _, collection, follow_up, field in FOLLOW_UPS:
                    requested = follow_up in submitted.after
                    missing += requested and not await self._database[collection].find_one({field: model["_id"]})
        return missing

    async def _unpublished(self) -> list[str]:
        """Return the documents with unpublished events."""
        found = []
        for name in await self._database.list_collection_names():
            for document in await self._database[name].find({"pending": {"$gt": 0}}).to_list(None):
                found.append(f"{name}/{document['_id']}")
        return found

    async def _stale_overviews(self) -> list[str]:
        """Return the jobs whose state in the gateway's read model is out of date."""
        found = []
        for id in self._accepted.jobs:
            thing = await self._database["gateway_things"].find_one({"_id": derived_id("thing", "job", id)})
            job = await self._database["training_jobs"].find_one({"_id": id})
            if job is None or thing is None or thing["state"] != job["state"]:
                found.append(f"job {id}: the overview shows {thing and thing['state']}, it is {job and job['state']}")
        return found

    async def check(self) -> Findings:
        """Wait until the platform is idle, then check all invariants."""
        settled = await self.settle()
        documents = connect(self._environment.servers["documents"].url)
        streams = await Streams.open(documents, "training")
        jobs = await self._database["training_jobs"].find({}).to_list(None)
        self._jobs = {job["_id"]: job for job in jobs}
        try:
            for id, submitted in self._accepted.jobs.items():
                await self._check_job(id, submitted, streams)
        finally:
            await documents.close()
        for name, count in Counter(job["name"] for job in jobs).items():
            self._expect(count == 1, f"{count} jobs for one request {name!r}")
        await self._check_datasets()
        for line in await self._unpublished():
            self._violations.append(f"unpublished events: {line}")
        self._violations += await self._stale_overviews()
        self._violations += self._accepted.unexpected
        self._violations += [
            f"dead letter: {letter.envelope.type} in {letter.service}: {letter.reason}"
            for letter in await self.dead_letters()
        ]
        final_states = Counter(job["state"] for id, job in self._jobs.items() if id in self._accepted.jobs)
        causes = Counter(job["cause"] for job in jobs if job["state"] == "failed")
        return Findings(self._violations, final_states, causes, settled)

    def _expect(self, holds: bool, violation: str) -> None:
        if not holds:
            self._violations.append(violation)

    async def _check_job(self, id: str, submitted: Submitted, streams: Streams) -> None:
        job = self._jobs.get(id)
        if job is None or job["state"] not in FINAL:
            self._violations.append(f"job {id} ({submitted.key}) was accepted, and is {job and job['state']}")
            return
        events = self._environment.events.about(id, *ENDS)
        states = [ENDS[event.type] for event in events]
        self._expect(states == [job["state"]], f"job {id} is {job['state']}, but its final events are {states}")
        if job["state"] == "cancelled":
            self._expect("cancel" in submitted.commands, f"job {id} was cancelled without a command")
        if job["state"] == "failed":
            self._expect(job["cause"] in EXPLAINED, f"job {id} failed with {job['cause']}: {job['detail']}")
        await self._check_effects(id, submitted, job)
        self._check_stream(id, submitted, job, await streams.read(id, limit=10**9))

    async def _check_effects(self, id: str, submitted: Submitted, job: Any) -> None:
        """A succeeded job has one model, and each requested follow-up exactly once."""
        done = job["state"] == "succeeded"
        models = await self._database["training_models"].find({"job_id": id}).to_list(None)
        existing = [model for model in models if model.get("deleted_at") is None]
        expected = 1 if done and not submitted.model_deleted else 0
        self._expect(
            len(existing) == expected, f"job {id} ({job['state']}): {len(existing)} models instead of {expected}"
        )
        model_id = models[0]["_id"] if models else None
        for service, collection, follow_up, field in FOLLOW_UPS:
            found = await self._database[collection].find({field: model_id}).to_list(None) if model_id else []
            expected = 1 if done and follow_up in submitted.after else 0
            self._expect(
                len(found) == expected, f"job {id}: {len(found)} × {follow_up} in {service} instead of {expected}"
            )
            for effect in found:
                self._expect(effect["state"] in (*FINAL, "ready"), f"job {id}: its {follow_up} is {effect['state']}")

    def _check_stream(self, id: str, submitted: Submitted, job: Any, records: Sequence[dict[str, Any]]) -> None:
        """Records are unique, ordered, written by the current lease holder, and end with the final state."""
        numbers = [record["seq"] for record in records]
        self._expect(numbers == list(range(1, len(records) + 1)), f"job {id}: its records have the numbers {numbers}")
        tokens = [record["token"] for record in records if "token" in record]
        self._expect(tokens == sorted(tokens), f"job {id}: a stale holder wrote to its stream: {tokens}")
        self._expect(max(tokens, default=0) <= job["token"], f"job {id}: its stream has a newer token than the job")
        final = [i for i, r in enumerate(records) if r["kind"] == "state" and r["state"] in FINAL]
        self._expect(len(final) <= 1, f"job {id}: its stream has {len(final)} final states")
        self._expect(not final or final[0] == len(records) - 1, f"job {id}: its stream continues after the final state")
        self._check_steps(id, submitted, job["state"] == "succeeded", records)

    def _check_steps(self, id: str, submitted: Submitted, complete: bool, records: Sequence[dict[str, Any]]) -> None:
        """After dropping what each rewind repeats, the losses equal those of an undisturbed run."""
        shown: dict[int, float] = {}
        for record in records:
            if record["kind"] == "rewind":
                shown = {step: loss for step, loss in shown.items() if step <= record["step"]}
            elif record["kind"] == "metric":
                self._expect(record["step"] not in shown, f"job {id}: step {record['step']} appears twice")
                shown[record["step"]] = record["loss"]
        steps = submitted.steps
        losses = expected_losses(steps, submitted.seed) if submitted.fake_engine else shown
        expected = losses if complete else {step: losses[step] for step in range(1, len(shown) + 1) if step in losses}
        self._expect(not complete or sorted(shown) == list(range(1, steps + 1)), f"job {id}: steps are missing")
        self._expect(shown == expected, f"job {id}: has steps {list(shown)} of {steps}, or its losses differ")

    async def _check_datasets(self) -> None:
        """Every accepted dataset has its rows, and every deleted one is gone."""
        headers = {"Authorization": f"Bearer {self._environment.cluster.key}"}
        async with httpx.AsyncClient(base_url=self._environment.cluster.url, headers=headers, timeout=30) as http:
            for id, rows in self._accepted.datasets.items():
                answer = await http.get(f"/datasets/{id}")
                if id in self._accepted.deleted:
                    self._expect(answer.status_code == 404, f"dataset {id} was deleted: {answer.status_code}")
                else:
                    found = answer.json().get("rows") if answer.is_success else answer.status_code
                    self._expect(found == rows, f"dataset {id} has {found} of its {rows} rows")
