"""HTTP: the OpenAI-compatible routes, in OpenAI's request and response formats."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.inference.deployments.catalog import Catalog, ListedModel
from services.inference.feedback.service import FeedbackService
from services.inference.openai.chunks import ChatChunkBuilder, ChunkBuilder, TextChunkBuilder
from services.inference.openai.completions import CompletionRun, Completions
from services.inference.openai.schemas import (
    AnswerMessage,
    CalledFunction,
    ChatChoice,
    ChatCompletion,
    ChatLogprobs,
    ChatRequest,
    CompletionParams,
    CompletionRequest,
    DeletedCompletion,
    ModelList,
    ServedModelView,
    TextChoice,
    TextCompletion,
    TextLogprobs,
    ToolCallView,
)
from services.inference.protocol import TextDelta
from shared.runtime.errors import AnnealError, answer
from shared.runtime.http.principal import Caller

T = TypeVar("T")
EVENT_STREAM = "text/event-stream"
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
TOKENS_HEADER = "X-Anneal-Tokens"
"""For the gateway's limits: all tokens, or those until the client left. Each event of a stream is followed by a comment
with those so far; the header has those at its begin."""
CLIENT_CLOSED_REQUEST = 499
"""The status (nginx's convention) that the log shows when the client disconnected."""


Keep = Callable[[CompletionRun], Awaitable[None]]
"""Stores what a run has produced."""


def routes(completions: Completions, catalog: Catalog, feedback: FeedbackService) -> APIRouter:
    """Return the routes below /v1."""
    router = APIRouter(prefix="/v1", tags=["Inference"])

    @router.post("/chat/completions", response_model=ChatCompletion)
    async def create_chat_completion(
        body: ChatRequest, request: Request, response: Response, caller: Caller
    ) -> Response | ChatCompletion:
        """Create a chat completion; with `stream`, as server-sent events.

        With `store`, prompt and answer are kept for GET by the completion's id and for feedback.
        """
        run = await completions.prepare(caller.project, body)
        envelope, keep = _envelope("chatcmpl", body, run), _nothing
        if body.store:
            prompt = body.prompt_fields()
            feedback.require_storable(prompt)

            async def keep(run: CompletionRun) -> None:
                completion = _chat_completion(run, envelope).model_dump(mode="json")
                completion["choices"][0]["logprobs"] = None
                await feedback.keep(caller, run.model.id, prompt, completion)

        if body.stream:
            return await _streaming_response(request, completions, run, body, ChatChunkBuilder(envelope), keep)
        finished = await _unless_disconnected(request, completions.complete(run))
        if finished is None:
            return _client_closed(run)
        await keep(finished)
        response.headers[TOKENS_HEADER] = str(finished.usage.total_tokens)
        return _chat_completion(finished, envelope)

    @router.get("/chat/completions/{completion_id}")
    async def show_stored_completion(completion_id: str, caller: Caller) -> ChatCompletion:
        """Show a chat completion that was stored."""
        return ChatCompletion.model_validate((await feedback.response(caller, completion_id)).completion)

    @router.delete("/chat/completions/{completion_id}")
    async def delete_stored_completion(completion_id: str, caller: Caller) -> DeletedCompletion:
        """Delete a stored chat completion with its prompt, and all feedback on it."""
        await feedback.delete_response(caller, completion_id)
        return DeletedCompletion(id=completion_id)

    @router.post("/completions", response_model=TextCompletion)
    async def create_completion(
        body: CompletionRequest, request: Request, response: Response, caller: Caller
    ) -> Response | TextCompletion:
        """Create a text completion, without a chat template; with `stream`, as server-sent events."""
        run = await completions.prepare(caller.project, body)
        if body.stream:
            return await _streaming_response(
                request, completions, run, body, TextChunkBuilder(_envelope("cmpl", body, run))
            )
        finished = await _unless_disconnected(request, completions.complete(run))
        if finished is None:
            return _client_closed(run)
        response.headers[TOKENS_HEADER] = str(finished.usage.total_tokens)
        return _text_completion(finished, body)

    @router.get("/models")
    async def list_served_models(caller: Caller) -> ModelList:
        """List every model that can be used."""
        return ModelList(data=[_model_view(listed) for listed in await catalog.list_models(caller.project)])

    @router.get("/models/{model_id:path}")
    async def show_served_model(model_id: str, caller: Caller) -> ServedModelView:
        """Show one model."""
        found = await catalog.find(caller.project, model_id)
        listed = {known.id: known for known in await catalog.list_models(caller.project)}
        owner: Literal["base", "custom"] = "custom" if found.manifest.job_id is not None else "base"
        fallback = ListedModel(found.id, found.id, int(time.time()), owner)
        return _model_view(listed.get(model_id) or listed.get(found.id, fallback))

    return router


def _envelope(prefix: str, body: CompletionParams, run: CompletionRun) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": body.model,
        "system_fingerprint": f"fp_{run.model.manifest.template_hash[:12]}",
    }


async def _nothing(run: CompletionRun) -> None:
    """Store nothing."""


def _chat_completion(run: CompletionRun, envelope: dict[str, Any]) -> ChatCompletion:
    has_logprobs = run.generation.logprobs is not None
    choices = [
        ChatChoice(
            index=index,
            message=_assistant_message(run, index),
            logprobs=ChatLogprobs.of(run.logprobs[index]) if has_logprobs else None,
            finish_reason=run.finish_reasons[index],
        )
        for index in range(run.choices)
    ]
    return ChatCompletion(**envelope, choices=choices, usage=run.usage)


def _assistant_message(run: CompletionRun, index: int) -> AnswerMessage:
    calls: list[ToolCallView] = []
    for piece in run.tool_calls[index]:
        if piece.id and piece.name:
            calls.append(ToolCallView(id=piece.id, function=CalledFunction(name=piece.name, arguments="")))
        calls[-1].function.arguments += piece.arguments
    return AnswerMessage(content=run.texts[index] or (None if calls else ""), tool_calls=calls or None)


def _text_completion(run: CompletionRun, body: CompletionParams) -> TextCompletion:
    has_logprobs = run.generation.logprobs is not None
    choices = [
        TextChoice(
            index=index,
            text=run.texts[index],
            logprobs=TextLogprobs.of(run.logprobs[index]) if has_logprobs else None,
            finish_reason=run.finish_reasons[index],
        )
        for index in range(run.choices)
    ]
    return TextCompletion(**_envelope("cmpl", body, run), choices=choices, usage=run.usage)


def _model_view(listed: ListedModel) -> ServedModelView:
    return ServedModelView(id=listed.id, created=listed.created, owned_by=listed.owner, name=listed.name)


def _client_closed(run: CompletionRun) -> Response:
    """What was computed counts although nobody receives it."""
    return Response(status_code=CLIENT_CLOSED_REQUEST, headers={TOKENS_HEADER: str(run.tokens_so_far)})


async def _streaming_response(
    request: Request,
    completions: Completions,
    run: CompletionRun,
    body: CompletionParams,
    chunks: ChunkBuilder,
    keep: Keep = _nothing,
) -> Response:
    """Start the response only when the first delta exists, so that an error still gets its own status code."""
    deltas = completions.stream(run)
    first = await _unless_disconnected(request, _first(deltas))
    if first is None:
        return _client_closed(run)
    include_usage = body.stream_options is not None and body.stream_options.include_usage is True
    events = _sse_events(first, deltas, run, chunks, include_usage, keep)
    headers = {**STREAM_HEADERS, TOKENS_HEADER: str(run.tokens_so_far)}
    return StreamingResponse(events, media_type=EVENT_STREAM, headers=headers)


async def _first(deltas: AsyncIterator[TextDelta]) -> TextDelta:
    return await anext(deltas)


async def _sse_events(
    first: TextDelta,
    deltas: AsyncIterator[TextDelta],
    run: CompletionRun,
    chunks: ChunkBuilder,
    include_usage: bool,
    keep: Keep,
) -> AsyncIterator[bytes]:
    """Yield server-sent events: chunks, the usage if requested, `[DONE]`; or an error in OpenAI's format.

    Before `[DONE]`, the answer is stored if that was requested.
    """
    async with aclosing(deltas):  # type: ignore[type-var]
        try:
            for chunk in chunks.opening_chunks(run.choices):
                yield _sse_event(chunk, include_usage)
            yield _sse_event(chunks.delta_chunk(first), include_usage) + _tokens(run)
            async for delta in deltas:
                yield _sse_event(chunks.delta_chunk(delta), include_usage) + _tokens(run)
            await keep(run)
            if include_usage:
                yield _sse_event(chunks.usage_chunk(run.usage), include_usage)
            yield b"data: [DONE]\n\n"
        except AnnealError as error:
            yield b"data: " + bytes(answer(error, "/v1/").body) + b"\n\n"


def _sse_event(chunk: dict[str, Any], include_usage: bool) -> bytes:
    if include_usage:
        chunk = {"usage": None, **chunk}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def _tokens(run: CompletionRun) -> bytes:
    return b": tokens %d\n\n" % run.tokens_so_far


async def _unless_disconnected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result, or None when the client disconnects, which cancels the work."""
    work_task = asyncio.create_task(work)
    disconnect = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait((work_task, disconnect), return_when=asyncio.FIRST_COMPLETED)
        return await work_task if work_task.done() else None
    finally:
        for task in (work_task, disconnect):
            task.cancel()
        await asyncio.gather(work_task, disconnect, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
