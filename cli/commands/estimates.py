"""`anneal train --estimate`: the memory and time a job needs."""

from typing import Any

from cli.output import duration, out, print_warnings, size, table

VERDICTS = {
    "fits": "[green]It fits.[/]",
    "tight": "[yellow]It fits, but tightly:[/] little memory remains for other processes.",
    "does_not_fit": "[red]It does not fit.[/]",
    "unknown": "[yellow]It is unknown whether it fits.[/]",
}


REFUSED = "[red]The job would be refused[/] for the rows above. [bold]--unsupported-rows skip[/] trains on the others."


def would_be_refused(found: dict[str, Any]) -> bool:
    """Whether `anneal train` would refuse the job of this estimate, for rows that the chat template cannot show."""
    refuses = found["hyperparameters"].get("unsupported_rows") == "refuse"
    return refuses and any(warning["code"] == "unsupported_rows" for warning in found["warnings"])


def show_estimate(found: dict[str, Any]) -> None:
    """Print memory by component, tokens, time, warnings, the verdict, and settings that would fit."""
    if found["memory"]:
        rows = [(part, size(bytes_)) for part, bytes_ in found["memory"].items()]
        table(["memory", ""], [*rows, ("total", size(found["total"]))])
    out.print(f"limit        {size(found['limit']) if found['limit'] else 'unknown'}")
    out.print(f"parameters   {found['parameters']:,}, trainable: {_count(found['trainable_parameters'])}")
    out.print(
        f"tokens       {_count(found['tokens'])} in {found['steps']:,} steps, {found['dtype'] or 'dtype unknown'}"
    )
    out.print(f"time         {_time(found)}")
    if took := found["measured"]:
        step = f"{took['step_tokens']:,} tokens in {took['step_seconds']:.2f} s"
        out.print(f"dry run      {size(took['peak'])} beyond the libraries; one step of {step}")
    print_warnings(found["warnings"])
    out.print(VERDICTS[found["verdict"]], markup=True)
    if would_be_refused(found):
        out.print(REFUSED, markup=True)
    for fit in found["fitting"]:
        changes = ", ".join(f"{name} {value}" for name, value in fit["changes"].items())
        out.print(f"  would fit: {changes} ({size(fit['total'])})")


SOURCES = {"base": "base model"}
"""Sources that are written otherwise than in the API."""


def show_settings(found: dict[str, Any]) -> None:
    """Print every setting that the job would have, and where its value comes from."""
    rows = [
        (setting["name"], _value(setting["value"]), _origin(setting))
        for setting in found["settings"]
        if setting["value"] is not None
    ]
    table(["setting", "value", "from"], rows)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        ", ".join(map(str, value))
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _origin(setting: dict[str, Any]) -> str:
    source = SOURCES.get(setting["source"], setting["source"] or "")
    return f"{source}: {setting['reason']}" if setting["reason"] else source


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _time(found: dict[str, Any]) -> str:
    if found["seconds"] is None:
        return "unknown until a similar job has run"
    source = "measured on similar jobs" if found["pace"] == "jobs" else "rough estimate"
    evaluations = f", {duration(found['times']['evaluations'])} of it for evaluations"
    speed = f"{found['tokens_per_second']:,.0f} tokens/s ({source})"
    return f"about {duration(found['seconds'])}{evaluations}, at {speed}"
