"""Two tenants of one platform, and what an item of the catalogue took."""

import time
from dataclasses import dataclass
from typing import Any

import psutil

from tests.workflows.conftest import Platform

ANSWER_LIMIT_S = 10.0
"""Bound of an answer to another tenant, which takes milliseconds."""
CHAT_LIMIT_S = 30.0
"""Bound of another tenant's chat completion, which takes less than a second where cores are free."""
CHAT = "/v1/chat/completions"


@dataclass
class Measured:
    """Seconds, peak bytes of all processes of the platform, and the slowest answer to another tenant."""

    name: str
    seconds: float = 0.0
    peak: int = 0
    other: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}: {self.seconds:.1f} s, {self.peak >> 20} MiB, another tenant {self.other:.2f} s"


@dataclass(frozen=True)
class Tenants:
    """The attacker, another tenant, the operator, and the platform's process."""

    attacker: Platform
    other: Platform
    operator: Platform
    process: psutil.Process

    def memory(self) -> int:
        """Bytes that the platform's processes hold; memory that several share counts once."""
        total = 0
        for process in (self.process, *self.process.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total

    def answer_other(self, measured: Measured) -> None:
        """Assert that the other tenant is answered."""
        started = time.perf_counter()
        assert self.other.http.get("/datasets", timeout=ANSWER_LIMIT_S).status_code == 200
        measured.other = max(measured.other, time.perf_counter() - started)

    def chat_as_other(self, measured: Measured, model: str) -> None:
        """Assert that the other tenant's own model answers."""
        started = time.perf_counter()
        answer = self.other.http.post(CHAT, json=question(model, "hi"), timeout=CHAT_LIMIT_S)
        assert answer.status_code == 200, answer.text
        measured.other = max(measured.other, time.perf_counter() - started)


def question(model: str, text: str) -> dict[str, Any]:
    """The body of a short chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 2}
