"""`anneal train --estimate`: what a job would need, for people and for scripts."""

from typing import Any

from cli.output import duration, out, size, table

VERDICTS = {
    "fits": "[green]It fits.[/]",
    "tight": "[yellow]It is tight:[/] little is left for whatever else runs on the machine.",
    "does_not_fit": "[red]It does not fit.[/]",
    "unknown": "[yellow]Whether it fits is not known.[/]",
}


def show_estimate(found: dict[str, Any]) -> None:
    """Memory by part, tokens and time, warnings, the verdict, and what would fit instead."""
    if found["memory"]:
        rows = [(part, size(bytes_)) for part, bytes_ in found["memory"].items()]
        table(["memory", ""], [*rows, ("total", size(found["total"]))])
    out.print(f"limit        {size(found['limit']) if found['limit'] else 'not known'}")
    out.print(f"parameters   {found['parameters']:,}, of them trained: {_count(found['trainable_parameters'])}")
    out.print(
        f"tokens       {_count(found['tokens'])} in {found['steps']:,} steps, {found['dtype'] or 'dtype not known'}"
    )
    out.print(f"time         {_time(found)}")
    if took := found["measured"]:
        step = f"{took['step_tokens']:,} tokens in {took['step_seconds']:.2f} s"
        out.print(f"dry run      {size(took['peak'])} beyond the libraries; a step of {step}")
    for warning in found["warnings"]:
        out.print(f"[yellow]{warning['code']}[/]: {warning['detail']} {warning['remedy'] or ''}".rstrip())
    out.print(VERDICTS[found["verdict"]])
    for fit in found["fitting"]:
        changes = ", ".join(f"{name} {value}" for name, value in fit["changes"].items())
        out.print(f"  would fit: {changes} ({size(fit['total'])})")


def _count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _time(found: dict[str, Any]) -> str:
    if found["seconds"] is None:
        return "not known until a job like it has run"
    source = "as the last jobs like it" if found["pace"] == "jobs" else "by a rough formula"
    return f"about {duration(found['seconds'])}, at {found['tokens_per_second']:,.0f} tokens/s {source}"
