"""The main road, walked in a minute or less: upload, train, evaluate, export, deploy, chat; and what its trace shows."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.collector import Trace

SAMPLE = Path(__file__).parents[1] / "services/dataset/samples/triage.jsonl"
JOB = {
    "method": "lora",
    "max_steps": 4,
    "eval_every": 2,
    "checkpoint_every": 2,
    "dtype": "fp32",
    "threads": 1,
    "after": ["evaluate", "export_torch", "deploy"],
}


@dataclass(frozen=True)
class Traveller:
    """An HTTP client of the platform; with `trace` it sends one traceparent along all the way."""

    http: httpx.Client
    trace: str = ""

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """The JSON of a request that must succeed."""
        headers = {"traceparent": f"00-{self.trace}-{secrets.token_hex(8)}-01"} if self.trace else {}
        response = self.http.request(method, path, headers=headers, **content)
        assert response.is_success, response.text
        return response.json()

    def until(self, path: str, condition: Callable[[Any], bool], **query: Any) -> Any:
        """Poll until the answer satisfies the condition."""
        deadline = time.monotonic() + 240
        while not condition(found := self.ask("GET", path, params=query)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def walk(self, name: str) -> str:
        """From a file to an answer; the model's id."""
        rows = b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:24])
        files, data = {"file": (f"{name}.jsonl", rows)}, {"name": name, "seed": str(secrets.randbelow(2**31))}
        dataset = self.ask("POST", "/datasets/upload", files=files, data=data)
        job = self.ask("POST", "/training/jobs", json={"dataset": dataset["id"], **JOB})
        job = self.until(f"/training/jobs/{job['id']}", _ended)
        assert job["state"] == "succeeded", job["detail"]
        model = str(job["model_id"])
        for path in ("/evaluations", "/exports", "/deployments"):
            (found,) = self.until(path, lambda page: _all_ended(page["items"], model))["items"][:1]
            assert found["state"] in ("succeeded", "ready"), found
        messages = [{"role": "user", "content": "Where is my parcel?"}]
        self.ask("POST", "/v1/chat/completions", json={"model": model, "messages": messages, "max_tokens": 8})
        return model


def _ended(work: dict[str, Any]) -> bool:
    return work["state"] in ("succeeded", "failed", "cancelled", "ready")


def _all_ended(items: list[dict[str, Any]], model: str) -> bool:
    return bool(items) and items[0]["model_id"] == model and all(map(_ended, items))


def check_road(trace: Trace, rooms: Callable[[str], str]) -> None:
    """What everybody's trace shows, whoever walked; `rooms(name)` is the service that records for a room."""
    assert trace.orphans() == []
    assert [span.name for span in trace.spans if span.failed] == []

    training = trace.one("attempt Job")
    published = trace.one("publish training.succeeded.v1")
    assert (published.kind, published.service) == ("PRODUCER", rooms("training"))
    assert published.parent == training.id
    consumed = {span.service for span in trace.named("process training.succeeded.v1") if span.parent == published.id}
    assert consumed == {rooms(name) for name in ("evaluation", "export", "inference", "gateway")}

    engine = trace.one("engine train")
    assert engine.parent == training.id
    parts = [span for span in trace.spans if span.parent == engine.id]
    assert [part.name for part in sorted(parts, key=lambda part: part.start)] == [
        *("load model", "tokenise", "evaluate", "train", "evaluate", "checkpoint"),
        *("train", "evaluate", "write model"),
    ]
    assert all(engine.start <= part.start <= part.end <= engine.end for part in parts)
    assert len([span for span in trace.named("upload artifact") if span.parent == training.id]) >= 3

    for room, span in (("evaluation", "attempt Evaluation"), ("export", "attempt Export"), ("inference", "deploy")):
        assert trace.path(trace.one(span))[-4:-1] == [
            "attempt Job",
            "publish training.succeeded.v1",
            "process training.succeeded.v1",
        ]
        assert trace.one(span).service == rooms(room)
    (answer,) = [span for span in trace.spans if span.name.startswith("chat ")]
    phases = [span.name for span in sorted(trace.spans, key=lambda s: s.start) if span.parent == answer.id]
    assert phases == ["queue", "prefill", "decode"]
    assert answer.attributes["gen_ai.usage.output_tokens"] > 0
