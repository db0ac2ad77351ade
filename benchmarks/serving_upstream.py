"""An OpenAI-compatible server that answers at once and always the same: what both gateways stand before."""

import json
import os
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PIECES = [f" word{number}" for number in range(32)]
HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "upstream"}
USAGE = {"prompt_tokens": 12, "completion_tokens": len(PIECES), "total_tokens": 12 + len(PIECES)}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**HEAD, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


CHUNKS = [
    _chunk({"role": "assistant", "content": ""}),
    *(_chunk({"content": piece}) for piece in PIECES),
    _chunk({}, "stop"),
    b"data: [DONE]\n\n",
]


async def chat(request: Request) -> Response:
    """A whole answer, or a stream of its pieces."""
    if (await request.json()).get("stream"):

        async def events() -> Any:
            for chunk in CHUNKS:
                yield chunk

        return StreamingResponse(events(), media_type="text/event-stream")
    message = {"role": "assistant", "content": "".join(PIECES)}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return JSONResponse({**HEAD, "object": "chat.completion", "choices": choices, "usage": USAGE})


async def health(_: Request) -> Response:
    """It is there."""
    return Response()


app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/healthz", health)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["ANNEAL_PORT"]), log_level="error")
