"""A room's process in the storm: the real room with small engines; `--defect` takes a promise away from it.

`python -m tests.chaos.service <room> [--real-engines] [--defect fence|dedupe]`
"""

import argparse
import dataclasses
from importlib import import_module

from services.gateway.__main__ import gateway
from shared.runtime.http.server import Process, as_process, start
from shared.runtime.resources import Resources
from tests.chaos.defects import DEFECTS
from tests.chaos.engines import SmallEngines


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("room")
    parser.add_argument("--real-engines", action="store_true")
    parser.add_argument("--defect", choices=sorted(DEFECTS))
    options = parser.parse_args()
    if options.defect:
        DEFECTS[options.defect]()

    async def room(resources: Resources) -> Process:
        if not options.real_engines:
            resources = dataclasses.replace(resources, engines=SmallEngines())
        build = import_module(f"services.{options.room}.app").build
        return as_process(await build(resources), resources)

    start(gateway if options.room == "gateway" else room)


if __name__ == "__main__":
    main()
