"""How a run's model answers: the parameters of its data source with their defaults."""

from typing import Any

SEED = 42
"""Where a request has none: two runs of one model on the same rows then give the same answers."""


def sampling_of(data_source: dict[str, Any]) -> dict[str, Any] | None:
    """Model, messages and parameters for the engine; None for a data source whose rows hold the answers."""
    if data_source.get("type") != "completions":
        return None
    given = {name: value for name, value in (data_source.get("sampling_params") or {}).items() if value is not None}
    return {
        "model": data_source["model"],
        "input_messages": data_source["input_messages"],
        "parameters": {
            "temperature": given.get("temperature", 1.0),
            "top_p": given.get("top_p", 1.0),
            "seed": given.get("seed", SEED),
            "max_tokens": given.get("max_completion_tokens"),
        },
    }
