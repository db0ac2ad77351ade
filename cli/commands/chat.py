"""`anneal chat`: chat with a model; the response is streamed."""

import sys
from typing import Annotated, Any

import typer

from cli.checkpoints import CHECKPOINT_HELP, resolve_model
from cli.client import Client
from cli.output import Json, err, print_json


def chat(
    model: Annotated[str, typer.Argument(help=f"Id or name of a model, such as seedling, or {CHECKPOINT_HELP}.")],
    prompt: Annotated[
        str | None, typer.Argument(help="Send one message; - reads stdin. Without it, start a conversation.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System message.")] = None,
    temperature: Annotated[float, typer.Option(help="Sampling temperature; 0 is greedy.")] = 0.0,
    max_tokens: Annotated[int | None, typer.Option(help="Maximum tokens of a response.")] = None,
    json: Json = False,
) -> None:
    """Chat with a model, or send it one message."""
    client = Client()
    start: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    settings = {"model": resolve_model(client, model), "temperature": temperature, "max_tokens": max_tokens}
    settings = {k: v for k, v in settings.items() if v is not None}
    if prompt is not None:
        text = sys.stdin.read() if prompt == "-" else prompt
        messages = [*start, {"role": "user", "content": text}]
        if json:
            print_json(client.post("/v1/chat/completions", {**settings, "messages": messages}))
        else:
            stream(client, settings, messages)
        return
    converse(client, settings, start)


def converse(client: Client, settings: dict[str, Any], messages: list[dict[str, str]]) -> None:
    """Hold a conversation until Ctrl-D or Ctrl-C."""
    err.print("Press Ctrl-D to exit.", style="dim")
    while True:
        try:
            question = input("> ")
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            return
        messages = [*messages, {"role": "user", "content": question}]
        messages = [*messages, {"role": "assistant", "content": stream(client, settings, messages)}]


def stream(client: Client, settings: dict[str, Any], messages: list[dict[str, str]]) -> str:
    """Print a response while it is generated, and return it."""
    parts: list[str] = []
    for event in client.events("/v1/chat/completions", {**settings, "messages": messages, "stream": True}):
        for choice in event.get("choices", []):
            part = choice.get("delta", {}).get("content") or ""
            parts.append(part)
            sys.stdout.write(part)
            sys.stdout.flush()
    typer.echo()
    return "".join(parts)
