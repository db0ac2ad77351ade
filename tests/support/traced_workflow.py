"""A short end-to-end workflow (upload, train, evaluate, export, chat) and the checks of its trace."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.otlp_collector import Trace

SAMPLE = Path(__file__).parents[2] / "services/dataset/samples/triage.jsonl"
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
class WorkflowClient:
    """An HTTP client of the platform; sends `trace_context` (trace id, span id) as `traceparent` if it has one."""

    http: httpx.Client
    trace_context: tuple[str, str] | None = None

    def request(self, method: str, path: str, **content: Any) -> Any:
        """Send a request that must succeed, and return its JSON."""
        headers = {"traceparent": "00-{}-{}-01".format(*self.trace_context)} if self.trace_context else {}
        response = self.http.request(method, path, headers=headers, **content)
        assert response.is_success, response.text
        return response.json()

    def until(self, path: str, condition: Callable[[Any], bool], **query: Any) -> Any:
        """Poll until the response satisfies the condition, and return it."""
        deadline = time.monotonic() + 240
        while not condition(found := self.request("GET", path, params=query)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def upload(self, name: str) -> str:
        """Upload a small dataset and return its id."""
        rows = b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:24])
        files, data = {"file": (f"{name}.jsonl", rows)}, {"name": name, "seed": str(secrets.randbelow(2**31))}
        return str(self.request("POST", "/datasets/upload", files=files, data=data)["id"])

    def train(self, dataset: str, **settings: Any) -> Any:
        """Submit a training job and wait until it ends."""
        job = self.request("POST", "/training/jobs", json={"dataset": dataset, **JOB, **settings})
        return self.until(f"/training/jobs/{job['id']}", _ended)

    def run(self, name: str) -> str:
        """Run the whole workflow and return the id of the trained model."""
        job = self.train(self.upload(name))
        assert job["state"] == "succeeded", job["detail"]
        model = str(job["model_id"])
        for path in ("/evaluations", "/exports", "/deployments"):
            (found,) = self.until(path, lambda page: _all_ended(page["items"], model))["items"][:1]
            assert found["state"] in ("succeeded", "ready"), found
        messages = [{"role": "user", "content": "Where is my parcel?"}]
        self.request("POST", "/v1/chat/completions", json={"model": model, "messages": messages, "max_tokens": 8})
        return model


def _ended(work: dict[str, Any]) -> bool:
    return work["state"] in ("succeeded", "failed", "cancelled", "ready")


def _all_ended(items: list[dict[str, Any]], model: str) -> bool:
    return bool(items) and items[0]["model_id"] == model and all(map(_ended, items))


def check_workflow_trace(trace: Trace, service_name: Callable[[str], str]) -> None:
    """Check the spans of a workflow; `service_name` maps a service to the name in its spans' resource."""
    assert [span.name for span in trace.spans if span.failed] == []
    _check_training(trace, service_name)
    for service, work in (("evaluation", "attempt Evaluation"), ("export", "attempt Export"), ("inference", "deploy")):
        caused = ["attempt Job", "publish training.succeeded.v1", "process training.succeeded.v1", work]
        for span in trace.named(work):  # a redelivered event may make two replicas load a model
            assert (trace.path(span)[-4:], span.service) == (caused, service_name(service))
    (chat,) = [span for span in trace.spans if span.name.startswith("chat ")]
    steps = [span.name for span in trace.children(chat)]  # a replica loads the model before its first response
    assert [step for step in steps if step != "load model"] == ["queue", "prefill", "decode"]
    assert chat.attributes["gen_ai.usage.output_tokens"] > 0


def _check_training(trace: Trace, service_name: Callable[[str], str]) -> None:
    training, published = trace.one("attempt Job"), trace.named("publish training.succeeded.v1")
    assert {(span.parent, span.kind, span.service) for span in published} >= {
        (training.id, "PRODUCER", service_name("training"))
    }
    consumed = [span for each in published for span in trace.children(each)]
    assert {span.kind for span in consumed} == {"CONSUMER"}
    assert {span.service for span in consumed} == {
        service_name(s) for s in ("evaluation", "export", "inference", "gateway")
    }

    engine = trace.one("engine train")
    assert engine.parent == training.id
    assert [part.name for part in trace.children(engine)] == [
        *("load model", "tokenize", "train", "evaluate"),  # an untrained adapter is evaluated after the first step
        *("train", "evaluate", "checkpoint"),
        *("train", "evaluate", "write model"),
    ]
    assert all(engine.start <= part.start <= part.end <= engine.end for part in trace.children(engine))
    assert "upload artifact" in {part.name for part in trace.children(training)}
