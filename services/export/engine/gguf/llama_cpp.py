"""llama.cpp as a child process: loads a GGUF file and answers over a Unix socket, which needs no network."""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import torch

from shared.engine.process.protocol import EngineError

START_TIMEOUT_S = 600.0
"""Loading a large file; the process is killed after it."""
REQUEST_TIMEOUT_S = 300.0
"""One answer, or the prompt of one."""
_SCRIPT = Path(__file__).with_name("serve.py")
_FORCED = 1e6
"""Added to a token's logit, so that greedy sampling selects it. Reported log-probabilities are those before it."""
_LIKELY, _ALL = 100, 1 << 20
"""Tokens among which a reference is first looked for; then in the whole vocabulary, whose answer has megabytes."""


class LlamaCpp:
    """A loaded GGUF file. Token ids in, token ids and natural log-probabilities out; decoding is greedy."""

    def __init__(self, client: httpx.Client, version: str) -> None:
        self._client = client
        self.version = version
        self._letter = self.tokenize("a")[0]

    def next_token(self, prompt: Sequence[int], top: int) -> dict[int, float]:
        """The log-probabilities of the `top` likeliest next tokens, likeliest first.

        The server reports none for a token that ends within a UTF-8 character, so it samples a letter instead; the
        log-probabilities are those before sampling.
        """
        done = self._complete(prompt, n_predict=1, n_probs=top, logit_bias=[[self._letter, _FORCED]])
        step = done["completion_probabilities"][0]
        return {entry["id"]: entry["logprob"] for entry in step["top_logprobs"]}

    def answer(
        self, prompt: Sequence[int], stop_ids: Sequence[int], new_tokens: int, top: int
    ) -> tuple[list[int], list[dict[int, float]]]:
        """Token ids of a greedy answer without its stop token, and the `top` likeliest tokens at each step."""
        ids: list[int] = []
        steps = []
        while len(ids) < new_tokens:
            steps.append(self.next_token([*prompt, *ids], top))
            token = max(steps[-1], key=steps[-1].__getitem__)
            if token in stop_ids:
                break
            ids.append(token)
        return ids, steps

    def token_logprob(self, prompt: Sequence[int], token: int) -> float:
        """The log-probability of one next token."""
        found = self.next_token(prompt, _LIKELY)
        return found[token] if token in found else self.next_token(prompt, _ALL).get(token, math.nan)

    def stops_at(self, prompt: Sequence[int], token: int) -> bool:
        """Whether this token ends an answer."""
        return bool(self._complete(prompt, n_predict=2, logit_bias=[[token, _FORCED]])["stop_type"] == "eos")

    def tokenize(self, text: str) -> list[int]:
        """Token ids of text in which special tokens are written out; none is added."""
        tokens: list[int] = self._post("/tokenize", content=text, add_special=False, parse_special=True)["tokens"]
        return tokens

    def render(self, messages: Sequence[Any]) -> str:
        """The prompt of a conversation by the file's own chat template."""
        return str(self._post("/apply-template", messages=messages)["prompt"])

    def _complete(self, prompt: Sequence[int], **settings: Any) -> dict[str, Any]:
        return self._post("/completion", prompt=list(prompt), temperature=0, cache_prompt=True, **settings)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        response = self._client.post(path, json=body)
        if response.is_error:
            raise EngineError("llama_cpp_failed", f"llama.cpp refused {path}: {response.text[:300]}")
        found: dict[str, Any] = response.json()
        return found


@contextmanager
def open_model(python: str, model: Path, context: int, adapter: Path | None = None) -> Iterator[LlamaCpp]:
    """Load a GGUF file, with a LoRA adapter over it, in a process that ends with the block.

    `python` is the interpreter of the environment with xllamacpp. Raises EngineError `llama_cpp_failed`.
    """
    with tempfile.TemporaryDirectory(prefix="anneal-") as folder, tempfile.TemporaryFile() as log:
        socket = f"{folder}/s.sock"
        spec = {
            "model": str(model),
            "adapter": str(adapter) if adapter else None,
            "socket": socket,
            "context": context,
            "threads": torch.get_num_threads(),
        }
        process = subprocess.Popen(  # noqa: S603 - the operator's setting, and a file of ours
            [python, "-I", str(_SCRIPT), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )
        deadline = threading.Timer(START_TIMEOUT_S, process.kill)
        deadline.start()
        try:
            assert process.stdout
            started = process.stdout.readline()
            deadline.cancel()
            if not started.startswith(b"{"):
                process.kill()
                raise EngineError("llama_cpp_failed", f"llama.cpp cannot load the file: {_cause(log)}")
            transport = httpx.HTTPTransport(uds=socket)
            with httpx.Client(transport=transport, base_url="http://llama", timeout=REQUEST_TIMEOUT_S) as client:
                yield LlamaCpp(client, json.loads(started)["version"])
        finally:
            deadline.cancel()
            process.kill()
            process.wait()


def _cause(log: IO[bytes]) -> str:
    """The first error that llama.cpp has logged, as `time E function: error`; the last lines where there is none."""
    log.seek(0)
    lines = log.read()[-1 << 16 :].decode(errors="replace").strip().splitlines()
    return next((line.split(" E ", 1)[1].strip() for line in lines if " E " in line), " ".join(lines[-3:]))
