"""The hash chains of the audit log: a line has the hash of the one before it, so a changed or removed line shows.

A gateway process writes one chain, and begins another when it does not know whether its last write was applied. The
newest lines of a chain can be removed unseen; the process log has each chain's head every hour.
"""

import hashlib
import json
import sys
from collections.abc import Iterable

from services.gateway.audit_lines import AuditLine, AuditView
from shared.documents.entities import new_id, now


def hash_of(line: AuditView) -> str:
    """The SHA-256 of a line's fields, without `hash` and `updated_at`."""
    fields = line.model_dump(mode="json", exclude={"hash", "updated_at"})
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Chain:
    """The end of the chain that this process writes."""

    def __init__(self) -> None:
        self.writer, self.number, self.head = new_id("writer"), 0, ""

    def seal(self, line: AuditLine) -> None:
        """Make `line` the next one. `advance` follows once it is stored."""
        line.recorded_at = now()
        line.writer, line.number, line.previous = self.writer, self.number + 1, self.head
        line.hash = hash_of(AuditView.model_validate(line.model_dump()))

    def advance(self, line: AuditLine) -> None:
        """`line` is stored."""
        self.number, self.head = self.number + 1, line.hash or ""

    def restart(self) -> None:
        """Begin another chain: whether the last line was stored is unknown."""
        self.writer, self.number = new_id("writer"), 0


def verify(lines: Iterable[AuditView]) -> list[str]:
    """Describe every changed line and every gap. Retention removes the beginning of chains, which is no gap."""
    problems, chains = list[str](), dict[str, list[AuditView]]()
    for line in lines:
        if line.writer:
            chains.setdefault(line.writer, []).append(line)
    for writer, chain in sorted(chains.items()):
        before: AuditView | None = None
        for line in sorted(chain, key=lambda line: line.number or 0):
            if line.hash != hash_of(line):
                problems.append(f"{line.id} was changed")
            if before and line.number != (before.number or 0) + 1:
                problems.append(f"lines between {before.id} and {line.id} of {writer} are missing")
            elif before and line.previous != before.hash:
                problems.append(f"{line.id} does not follow {before.id}")
            before = line
    return problems


def main(file: str) -> None:
    """Verify an export, and end with 1 where it has problems. Projects share chains: export as the operator."""
    with open(file, encoding="utf-8") as lines:
        found = [AuditView.model_validate_json(line) for line in lines]
    problems = verify(found)
    sys.stdout.write("".join(f"{problem}\n" for problem in problems) or f"{len(found)} lines are unchanged\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main(sys.argv[1])
