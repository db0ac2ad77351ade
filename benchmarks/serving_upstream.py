"""The upstream of the gateway benchmark: an OpenAI-compatible server with a constant, immediate answer."""

import json
import os
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TOKENS = [f" word{number}" for number in range(32)]
HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "upstream"}
USAGE = {"prompt_tokens": 12, "completion_tokens": len(TOKENS), "total_tokens": 12 + len(TOKENS)}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**HEAD, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


CHUNKS = [
    _chunk({"role": "assistant", "content": ""}),
    *(_chunk({"content": token}) for token in TOKENS),
    _chunk({}, "stop"),
    b"data: [DONE]\n\n",
]


async def chat(request: Request) -> Response:
    """The answer as one JSON object or as a stream of chunks."""
    if (await request.json()).get("stream"):

        async def events() -> Any:
            for chunk in CHUNKS:
                yield chunk

        return StreamingResponse(events(), media_type="text/event-stream")
    message = {"role": "assistant", "content": "".join(TOKENS)}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return JSONResponse({**HEAD, "object": "chat.completion", "choices": choices, "usage": USAGE})


async def health(_: Request) -> Response:
    """Report that the server is up."""
    return Response()


app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/healthz", health)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["ANNEAL_PORT"]), log_level="error")
