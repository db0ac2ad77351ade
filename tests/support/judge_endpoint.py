"""An OpenAI-compatible endpoint whose judge follows a rule of the test."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = re.compile(r"\[Answer (\d)\]\n(.*?)\n\[End of answer \1\]", re.DOTALL)
Rule = Callable[[str, str], str]
"""The two answers in the order of the prompt -> the judge's answer."""


def longer(first: str, second: str) -> str:
    """Prefers the longer answer, whatever its position."""
    verdict = "TIE" if len(first) == len(second) else "1" if len(first) > len(second) else "2"
    return f"I counted the characters.\n\n**VERDICT: {verdict}**\n"


@dataclass
class JudgeEndpoint:
    """`statuses` are sent first, one for each request; while `gate` is not set, requests wait."""

    rule: Rule = longer
    statuses: list[int] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def reset(self) -> None:
        """Forget the requests, and follow `longer` at once."""
        self.rule, self.statuses, self.requests, self.keys = longer, [], [], set()
        self.gate.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def run_judge_endpoint() -> Iterator[JudgeEndpoint]:
    """Run the server."""
    judge = JudgeEndpoint()
    server = _Server(("127.0.0.1", 0), _handler(judge))
    judge.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield judge
    finally:
        judge.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(judge: JudgeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            judge.requests.append({"path": self.path, **body})
            judge.keys.add(self.headers["authorization"])
            status = judge.statuses.pop(0) if judge.statuses else 200
            judge.gate.wait()
            if status != 200:
                self._send(status, {"error": {"message": "as the test wants it"}})
                return
            answers = dict(ANSWERS.findall(body["messages"][0]["content"]))
            message = {"role": "assistant", "content": judge.rule(answers["1"], answers["2"])}
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            self._send(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
