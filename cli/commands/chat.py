"""`anneal chat`: talk to a model; the answer streams."""

import sys
from typing import Annotated, Any

import typer

from cli.client import Client
from cli.output import Json, err, print_json


def chat(
    model: Annotated[str, typer.Argument(help="Custom model id, or a base such as seedling.")],
    prompt: Annotated[str | None, typer.Argument(help="Ask once; without it, a conversation. - reads stdin.")] = None,
    system: Annotated[str | None, typer.Option(help="System message.")] = None,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    json: Json = False,
) -> None:
    """Chat with a model."""
    client = Client()
    start: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    settings = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
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
    """A conversation until Ctrl-D or Ctrl-C."""
    err.print("[dim]Ctrl-D ends it.[/]")
    while True:
        try:
            question = input("> ")
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            return
        messages = [*messages, {"role": "user", "content": question}]
        messages = [*messages, {"role": "assistant", "content": stream(client, settings, messages)}]


def stream(client: Client, settings: dict[str, Any], messages: list[dict[str, str]]) -> str:
    """Print an answer as it comes; the whole of it."""
    parts: list[str] = []
    for event in client.events("/v1/chat/completions", {**settings, "messages": messages, "stream": True}):
        for choice in event.get("choices", []):
            part = choice.get("delta", {}).get("content") or ""
            parts.append(part)
            sys.stdout.write(part)
            sys.stdout.flush()
    typer.echo()
    return "".join(parts)
