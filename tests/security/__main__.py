"""`python -m tests.security` writes docs/security.md from the catalogue; `--check` only compares."""

from pathlib import Path

from tests.security.catalogue import ITEMS, USES
from tests.support.generated_page import write_or_check

HEAD = """# Hostile input

What an attacker with a key can send, and what answers it. Every row is a test (`make test-security`): it asserts the
outcome, and that the service answers another tenant after it, and during the rows of *Use*. The run prints the seconds
of each and the peak memory of the platform with its engines. `make reference` writes this page from the tests.

A base model is checked before anything of it is loaded, by upload, by folder and from a hub or an object store alike.
Code in a model (`auto_map`) never runs; where transformers has the architecture itself, naming such code is a warning,
because many models were published before it had. No check decides whether a template ends for every conversation: one
that passes is limited again at each rendering.
"""


def render() -> str:
    """Return the page."""
    rows = [(item.kind, item.name, f"{item.status} `{item.code}`") for item in ITEMS] + [("Use", *use) for use in USES]
    lines = [f"| {kind} | {name} | {outcome} |" for kind, name, outcome in rows]
    return "\n".join([HEAD, "| Kind | Item | Outcome |", "|---|---|---|", *lines, ""])


if __name__ == "__main__":
    write_or_check(Path("docs/security.md"), render())
