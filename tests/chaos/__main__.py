"""Run a chaos test: inject faults into a local cluster under load, then check its invariants.

The exit code is 1 if an invariant is violated or a recovery takes too long. The last line is `RESULT` with JSON.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy.local_cluster import missing_programs
from shared.runtime.service import background
from tests.chaos.clients import Clients
from tests.chaos.defects import DEFECTS
from tests.chaos.environment import open_environment
from tests.chaos.faults import Fault, Faults, inject_faults
from tests.chaos.invariants import Findings, InvariantChecker

EXAMPLES = """\
examples:
  python -m tests.chaos --minutes 10 --seed 1
  python -m tests.chaos --minutes 1 --seed 7 --defect fence   # must report violations
"""
USERS = 5
MAX_VIOLATIONS_SHOWN = 40
RECOVERY_LIMIT_S = 60.0
"""99 of 100 faults must recover within this time."""


async def run_chaos_test(
    minutes: float, seed: int, arguments: tuple[str, ...], folder: Path, replicas: int
) -> dict[str, Any]:
    """Inject faults for `minutes` while clients work, then check the invariants; returns the RESULT."""
    rng = random.Random(seed)
    async with open_environment(folder, replicas=replicas, arguments=arguments) as environment:
        if not environment.disk_is_limited:
            print("no disk-full faults: mounting a tmpfs needs root")
        clients = Clients(environment, random.Random(rng.random()))
        faults = Faults(environment, clients, random.Random(rng.random()))
        async with background(environment.supervise()):
            environment.started_at = time.monotonic()
            load = asyncio.create_task(clients.run(USERS))
            await inject_faults(faults, random.Random(rng.random()), minutes * 60, environment)
            clients.stopping = True
            await load
            findings = await InvariantChecker(environment, clients.accepted).check()
            await clients.close()
    return report(faults, clients, findings, minutes, seed)


def report(faults: Faults, clients: Clients, findings: Findings, minutes: float, seed: int) -> dict[str, Any]:
    """Print faults, work and violations; returns the RESULT."""
    kinds: dict[str, list[Fault]] = {}
    for fault in faults.injected:
        kinds.setdefault(fault.kind, []).append(fault)
    print(f"\n{'FAULT':<28}{'COUNT':>6}{'RECOVERY p50':>14}{'MAX':>8}")
    for kind, found in sorted(kinds.items()):
        times = sorted(recovery_times(found))
        shown = f"{quantile(times, 0.5):>13.1f}s{times[-1]:>7.1f}s" if times else ""
        print(f"{kind:<28}{len(found):>6}{shown}")
    times = sorted(recovery_times(faults.injected))
    accepted = clients.accepted
    print(f"\njobs accepted: {len(accepted.jobs)} {dict(findings.final_states)}; failures {dict(findings.causes)}")
    print(f"datasets accepted: {len(accepted.datasets)}, deleted: {len(accepted.deleted)}")
    print(f"responses: {dict(accepted.responses)}")
    print(f"idle after {findings.settle_s:.1f} s")
    stuck = [fault for fault in faults.injected if fault.measured and fault.recovery is None]
    violations = [*findings.violations, *(f"not recovered: {f.kind} of {f.target} at {f.started:.1f} s" for f in stuck)]
    violations += [f"the chaos test itself failed: {error}" for error in faults.errors]
    for line in violations[:MAX_VIOLATIONS_SHOWN]:
        print(f"VIOLATION {line}")
    return {
        "minutes": minutes,
        "seed": seed,
        "faults": len(faults.injected),
        "jobs": len(accepted.jobs),
        "datasets": len(accepted.datasets),
        "violations": len(violations),
        "recovery_p50_s": round(quantile(times, 0.5), 1),
        "recovery_p99_s": round(quantile(times, 0.99), 1),
        "recovery_limit_s": RECOVERY_LIMIT_S,
    }


def recovery_times(faults: list[Fault]) -> list[float]:
    """Return the recovery times in seconds of the measured faults that recovered."""
    return [fault.recovery for fault in faults if fault.measured and fault.recovery is not None]


def quantile(ordered: list[float], share: float) -> float:
    """Return the nearest-rank quantile, or 0 for an empty list."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main() -> int:
    """Run one chaos test and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to inject faults (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of faults and clients (default: %(default)s)")
    parser.add_argument("--replicas", type=int, default=2, help="processes per service (default: %(default)s)")
    parser.add_argument("--defect", choices=sorted(DEFECTS), help="disable one guarantee; the checker must notice")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    options = parser.parse_args()
    arguments = ("--defect", options.defect) if options.defect else ()
    if missing := missing_programs():
        sys.exit(f"Not installed: {', '.join(missing)}. See docs/guides/distributed.md.")
    folder = Path(tempfile.mkdtemp(prefix="anneal-chaos-"))
    print(f"seed {options.seed}, {options.minutes:g} minutes, logs in {folder / 'logs'}", flush=True)
    try:
        result = asyncio.run(run_chaos_test(options.minutes, options.seed, arguments, folder, options.replicas))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"RESULT {json.dumps(result)}")
    return 1 if result["violations"] or result["recovery_p99_s"] > RECOVERY_LIMIT_S else 0


if __name__ == "__main__":
    sys.exit(main())
