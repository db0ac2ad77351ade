"""`python -m tests.chaos --minutes 10 --seed 1`: faults for so long, then the ledger. Exits with 1 on a violation."""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from deploy.local_cluster import missing
from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.environment import opened
from tests.chaos.faults import Fault, Faults, rage
from tests.chaos.invariants import Findings, Ledger

USERS = 5
MOST_SHOWN = 40
RECOVERY = 60.0
"""Seconds within which 99 of 100 faults must be over."""


async def storm(minutes: float, seed: int, arguments: tuple[str, ...], folder: Path, replicas: int) -> dict[str, Any]:
    """The whole story; what is printed as RESULT."""
    rng = random.Random(seed)
    async with opened(folder, replicas=replicas, arguments=arguments) as place:
        if not place.fillable:
            print("no full disks: a tmpfs cannot be mounted here, that needs root")
        clients = Clients(place, random.Random(rng.random()))
        faults = Faults(place, clients, random.Random(rng.random()))
        async with background(place.supervise()):
            place.began = time.monotonic()
            using = asyncio.create_task(clients.run(USERS))
            await rage(faults, random.Random(rng.random()), minutes * 60, place)
            clients.stopping = True
            await using
            findings = await Ledger(place, clients.book).check()
            await clients.close()
    return report(faults, clients, findings, minutes, seed)


def report(faults: Faults, clients: Clients, findings: Findings, minutes: float, seed: int) -> dict[str, Any]:
    """Print what happened."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults.happened:
        kinds.setdefault(fault.kind, []).append(fault)
    print(f"\n{'faults':<28}{'count':>6}{'recovery p50':>14}{'worst':>8}")
    for kind, found in sorted(kinds.items()):
        times = sorted(recoveries(found))
        shown = f"{quantile(times, 0.5):>13.1f}s{times[-1]:>7.1f}s" if times else ""
        print(f"{kind:<28}{len(found):>6}{shown}")
    times = sorted(recoveries(faults.happened))
    book = clients.book
    print(f"\njobs accepted {len(book.jobs)}: {dict(findings.ends)}; causes of failure {dict(findings.causes)}")
    print(f"datasets accepted {len(book.datasets)}, deleted {len(book.deleted)}; answers {dict(book.answers)}")
    print(f"dead letters replayed {dict(Counter(letter.reason[:80] for letter in findings.replayed))}")
    print(f"settled after {findings.settled:.1f} s")
    never = [fault for fault in faults.happened if fault.measured and fault.recovery is None]
    violations = [*findings.violations, *(f"never over: {f.kind} of {f.target} at {f.began:.1f}" for f in never)]
    violations += [f"the harness failed: {error}" for error in faults.errors]
    for line in violations[:MOST_SHOWN]:
        print(f"VIOLATION {line}")
    return {
        "minutes": minutes,
        "seed": seed,
        "faults": len(faults.happened),
        "jobs": len(book.jobs),
        "datasets": len(book.datasets),
        "violations": len(violations),
        "recovery_p50_s": round(quantile(times, 0.5), 1),
        "recovery_p99_s": round(quantile(times, 0.99), 1),
        "recovery_limit_s": RECOVERY,
    }


def recoveries(faults: list[Fault]) -> list[float]:
    """Seconds of those that were measured and are over."""
    return [fault.recovery for fault in faults if fault.measured and fault.recovery is not None]


def quantile(ordered: list[float], share: float) -> float:
    """The nearest-rank quantile; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main() -> int:
    """Run one storm."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--defect", choices=("fence", "dedupe"))
    parser.add_argument("--keep", action="store_true", help="leave the folder with all logs")
    options = parser.parse_args()
    arguments = ("--defect", options.defect) if options.defect else ()
    if absent := missing():
        sys.exit(f"Not installed: {', '.join(absent)}. See docs/guides/distributed.md.")
    folder = Path(tempfile.mkdtemp(prefix="anneal-storm-"))
    print(f"seed {options.seed}, {options.minutes:g} minutes, logs in {folder / 'logs'}", flush=True)
    try:
        result = asyncio.run(storm(options.minutes, options.seed, arguments, folder, options.replicas))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"RESULT {json.dumps(result)}")
    return 1 if result["violations"] or result["recovery_p99_s"] > RECOVERY else 0


if __name__ == "__main__":
    sys.exit(main())
