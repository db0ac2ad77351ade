"""HTTP: the paths that OpenAI's clients know, in their shapes."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.inference.deployments.catalog import Catalog, Listed
from services.inference.openai.chunks import ChatChunks, Chunks, TextChunks
from services.inference.openai.completions import Completions, Run
from services.inference.openai.schemas import (
    AnswerMessage,
    CalledFunction,
    ChatChoice,
    ChatCompletion,
    ChatLogprobs,
    ChatRequest,
    CompletionRequest,
    ModelList,
    Sampled,
    ServedModelView,
    TextChoice,
    TextCompletion,
    TextLogprobs,
    ToolCallView,
)
from services.inference.protocol import Text
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http.principal import Caller

T = TypeVar("T")
STREAM = "text/event-stream"
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
LEFT = 499
"""The status (nginx's) in the log of a request whose client went away."""


def routes(completions: Completions, catalog: Catalog) -> APIRouter:
    """The routes below /v1."""
    router = APIRouter(prefix="/v1", tags=["Inference"])

    @router.post("/chat/completions", response_model=ChatCompletion)
    async def create_chat_completion(body: ChatRequest, request: Request, caller: Caller) -> Response | ChatCompletion:
        """Answer a conversation; with `stream` as server-sent events."""
        run = await completions.prepare(caller.project, body)
        if body.stream:
            return await _streamed(request, completions, run, body, ChatChunks(_head("chatcmpl", body, run)))
        done = await _unless_left(request, completions.whole(run))
        return Response(status_code=LEFT) if done is None else _chat(done, body)

    @router.post("/completions", response_model=TextCompletion)
    async def create_completion(body: CompletionRequest, request: Request, caller: Caller) -> Response | TextCompletion:
        """Continue a text, without a template; with `stream` as server-sent events."""
        run = await completions.prepare(caller.project, body)
        if body.stream:
            return await _streamed(request, completions, run, body, TextChunks(_head("cmpl", body, run)))
        done = await _unless_left(request, completions.whole(run))
        return Response(status_code=LEFT) if done is None else _text(done, body)

    @router.get("/models")
    async def list_served_models(caller: Caller) -> ModelList:
        """Every model that can be asked."""
        return ModelList(data=[_shown(listed) for listed in await catalog.listed(caller.project)])

    @router.get("/models/{model_id:path}")
    async def show_served_model(model_id: str, caller: Caller) -> ServedModelView:
        """One model."""
        found = await catalog.find(caller.project, model_id)
        listed = {known.id: known for known in await catalog.listed(caller.project)}
        manifest = found.manifest
        fallback = Listed(found.id, manifest.name, int(time.time()), manifest.job_id is not None)
        return _shown(listed.get(found.id, fallback))

    return router


def _head(prefix: str, body: Sampled, run: Run) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": body.model,
        "system_fingerprint": f"fp_{run.model.manifest.template_hash[:12]}",
    }


def _chat(run: Run, body: Sampled) -> ChatCompletion:
    wanted = run.generation.logprobs is not None
    choices = [
        ChatChoice(
            index=index,
            message=_message(run, index),
            logprobs=ChatLogprobs.of(run.logprobs[index]) if wanted else None,
            finish_reason=run.finishes[index],
        )
        for index in range(run.choices)
    ]
    return ChatCompletion(**_head("chatcmpl", body, run), choices=choices, usage=run.usage)


def _message(run: Run, index: int) -> AnswerMessage:
    calls: list[ToolCallView] = []
    for piece in run.calls[index]:
        if piece.id and piece.name:
            calls.append(ToolCallView(id=piece.id, function=CalledFunction(name=piece.name, arguments="")))
        calls[-1].function.arguments += piece.arguments
    return AnswerMessage(content=run.texts[index] or (None if calls else ""), tool_calls=calls or None)


def _text(run: Run, body: Sampled) -> TextCompletion:
    wanted = run.generation.logprobs is not None
    choices = [
        TextChoice(
            index=index,
            text=run.texts[index],
            logprobs=TextLogprobs.of(run.logprobs[index]) if wanted else None,
            finish_reason=run.finishes[index],
        )
        for index in range(run.choices)
    ]
    return TextCompletion(**_head("cmpl", body, run), choices=choices, usage=run.usage)


def _shown(listed: Listed) -> ServedModelView:
    owner = "custom" if listed.custom else "base"
    return ServedModelView(id=listed.id, created=listed.created, owned_by=owner, name=listed.name)


async def _streamed(request: Request, completions: Completions, run: Run, body: Sampled, chunks: Chunks) -> Response:
    """The stream, begun only once there is a first piece, so that a refusal still has its own status."""
    texts = completions.texts(run)
    first = await _unless_left(request, _first(texts))
    if first is None:
        return Response(status_code=LEFT)
    usage = body.stream_options is not None and body.stream_options.include_usage
    return StreamingResponse(_events(first, texts, run, chunks, usage), media_type=STREAM, headers=STREAM_HEADERS)


async def _first(texts: AsyncIterator[Text]) -> Text:
    return await anext(texts)


async def _events(
    first: Text, texts: AsyncIterator[Text], run: Run, chunks: Chunks, usage: bool
) -> AsyncIterator[bytes]:
    """Server-sent events: chunks, on request the usage, `[DONE]`; or an error in OpenAI's shape."""
    async with aclosing(texts):  # type: ignore[type-var]
        try:
            for chunk in chunks.opening(run.choices):
                yield _event(chunk, usage)
            yield _event(chunks.text(first), usage)
            async for text in texts:
                yield _event(chunks.text(text), usage)
            if usage:
                yield _event({**chunks.empty(), "usage": run.usage.model_dump()}, usage)
            yield b"data: [DONE]\n\n"
        except AnnealError as error:
            yield b"data: " + bytes(answer(error, "/v1/").body) + b"\n\n"


def _event(chunk: dict[str, Any], usage: bool) -> bytes:
    if usage:
        chunk = {"usage": None, **chunk}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


async def _unless_left(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result, or None when the client went away, which cancels the work."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
