"""A server that speaks as much of vLLM's API as `VllmServer` uses, in place of vLLM.

`python fake_vllm.py FILE --host … --port …` is healthy at all times. The first one with this FILE, which it creates,
never answers a completion, as when vLLM's engine hangs; later ones stream one token.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers the model list, health and completions."""

    hangs = False

    def do_GET(self) -> None:
        self._answer({"data": [{"max_model_len": 64}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.hangs:
            threading.Event().wait()
        choice = {"index": 0, "text": "hi", "finish_reason": "length", "token_ids": [1]}
        self._send(f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n".encode(), "text/event-stream")

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _answer(self, body: object) -> None:
        self._send(json.dumps(body).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until killed."""
    marker, arguments = Path(sys.argv[1]), sys.argv
    Handler.hangs = not marker.exists()
    marker.touch()
    port = int(arguments[arguments.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
