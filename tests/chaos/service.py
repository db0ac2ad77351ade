"""A service process of the chaos test: the real service with fake engines; `--defect` breaks one guarantee.

`python -m tests.chaos.service <service> [--real-engines] [--defect fence|dedupe]`
"""

import argparse
import dataclasses
from importlib import import_module

from services.gateway.__main__ import gateway
from shared.runtime.http.server import Process, as_process, start
from shared.runtime.resources import Resources
from tests.chaos.defects import DEFECTS
from tests.chaos.engines import FakeEngines


def main() -> None:
    """Run the service until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--real-engines", action="store_true")
    parser.add_argument("--defect", choices=sorted(DEFECTS))
    options = parser.parse_args()
    if options.defect:
        DEFECTS[options.defect]()

    async def service(resources: Resources) -> Process:
        if not options.real_engines:
            resources = dataclasses.replace(resources, engines=FakeEngines())
        build = import_module(f"services.{options.service}.app").build
        return as_process(await build(resources), resources)

    start(gateway if options.service == "gateway" else service)


if __name__ == "__main__":
    main()
