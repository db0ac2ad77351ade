"""`anneal compare --judge`: let a model compare the answers of two models."""

import time
from pathlib import Path
from typing import Any

from cli.client import Client
from cli.commands.datasets import variable
from cli.errors import CommandError
from cli.output import out, progress_bar, table

PATH = "/evaluations/judgements"
POLL_INTERVAL_S = 0.5
COLUMNS = ("", "value", "95 % interval")
OUTCOMES = ("candidate", "baseline", "tie")


def request_body(ids: list[str], judge: str, url: str | None, key_env: str | None, **options: Any) -> dict[str, Any]:
    """Return the request of a judgement: one id for a model against its base model, two for baseline and candidate."""
    if not 1 <= len(ids) <= 2:
        raise CommandError(
            "A judge compares two models: name the baseline and the candidate, or one model and its base."
        )
    if key_env and not url:
        raise CommandError("--judge-key-env is for --judge-url only.")
    at: dict[str, Any] = {"model": judge}
    if url:
        at |= {"base_url": url, **({"api_key": variable(key_env)} if key_env else {})}
    body: dict[str, Any] = {"candidate": ids[-1], "judge": at, **({"baseline": ids[0]} if len(ids) == 2 else {})}
    if prompt := options.get("prompt"):
        body["prompt"] = Path(prompt).read_text("utf-8")
    if (rows := options.get("rows")) is not None:
        body["rows"] = rows
    if votes := options.get("votes"):
        body["votes"] = {"column": votes, **_values(options.get("vote") or [])}
    elif options.get("vote"):
        raise CommandError("--vote is for --votes COLUMN only.")
    return body


def _values(given: list[str]) -> dict[str, list[str]]:
    """`candidate=A` as {"candidate": ["A"]}; several values of one outcome are kept."""
    values: dict[str, list[str]] = {}
    for each in given:
        outcome, separator, value = each.partition("=")
        if outcome not in OUTCOMES or not separator:
            raise CommandError(f"{each!r} is none of {', '.join(f'{name}=VALUE' for name in OUTCOMES)}.")
        values.setdefault(outcome, []).append(value)
    return values


def judged(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Start a judgement, show its progress, and return it once it has ended."""
    work = client.post(PATH, body)
    with progress_bar(count="{task.completed}/{task.total} rows") as bar:
        task = bar.add_task("judging", total=work["rows"])
        while work["state"] not in ("succeeded", "failed", "cancelled"):
            time.sleep(POLL_INTERVAL_S)
            work = client.get(f"{PATH}/{work['id']}", result="false")
            bar.update(task, completed=work["done"])
    found: dict[str, Any] = client.get(f"{PATH}/{work['id']}")
    return found


def show(found: dict[str, Any]) -> None:
    """Print the result, also a partial one."""
    names = f"{found['candidate_model']} (candidate) against {found['baseline_model']} (baseline)"
    out.print(f"{names}, judged by {found['judge']['model']}: {found['id']}", highlight=False)
    if result := found["result"]:
        table(COLUMNS, result_rows(result))
        out.print(result["headline"], highlight=False)
    if found["skipped"]:
        out.print(f"{found['skipped']} rows are left out: a model gave no answer.")
    out.print(f"Prompts and answers of the judge: GET {found['items']}", highlight=False, soft_wrap=True)


def require_success(found: dict[str, Any]) -> None:
    """Raise CommandError unless the judgement succeeded."""
    if found["state"] != "succeeded":
        why = f": {found['detail']} ({found['cause']})" if found["cause"] else "."
        raise CommandError(f"The judgement is {found['state']}{why}", found)


def result_rows(result: dict[str, Any]) -> list[list[Any]]:
    """Return table rows for COLUMNS."""
    position, votes = result["position"] or {}, result["votes"] or {}
    rows = [
        ["win rate of the candidate", _share(result["win_rate"]), _interval(result["interval"])],
        ["wins, losses, ties", f"{result['wins']}, {result['losses']}, {result['ties']}", ""],
        ["ties with inconsistent orders", str(result["inconsistent"]), ""],
        ["ties with equal answers", str(result["identical"]), ""],
        ["consistent orders", _share(result["consistency"]), _interval(result["consistency_interval"])],
        ["first answer preferred", _share(position.get("first_share")), _interval(position.get("interval"))],
    ]
    if votes:
        kappa = "–" if votes["kappa"] is None else f"{votes['kappa']:.3f}"
        bounds = " to ".join(f"{bound:.3f}" for bound in votes["interval"] or [])
        rows.append([f"kappa with {votes['rows']} votes", kappa, bounds])
        rows += [[f"unknown vote {value!r}", str(count), ""] for value, count in votes["unknown_values"].items()]
    return rows + [[f"not judged: {code}", str(count), ""] for code, count in result["errors"].items()]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _interval(interval: list[float] | None) -> str:
    return " to ".join(f"{bound:.1%}" for bound in interval) if interval else ""
