"""The laptop entry: all six rooms in one process, one port, one data directory. `anneal up` execs this module."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import structlog

import services.dataset.app
import services.evaluation.app
import services.export.app
import services.gateway.app
import services.inference.app
import services.training.app
from shared.runtime.errors import AnnealError
from shared.runtime.http.server import Server, listen, refuse_exposure, server_config
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings
from shared.runtime.telemetry.exporter import export_spans
from shared.runtime.telemetry.logging import configure_logging

log = structlog.get_logger(__name__)

BUILDERS = (
    services.dataset.app.build,
    services.training.app.build,
    services.evaluation.app.build,
    services.export.app.build,
    services.inference.app.build,
)


async def serve(settings: Settings, resources: Resources, stop: asyncio.Event) -> None:
    """Run the rooms until `stop`; then running work checkpoints and hands itself back while requests finish."""
    refuse_exposure(settings)
    rooms = [await build(resources) for build in BUILDERS]
    gateway = await services.gateway.app.build(resources, {room.name: web_app(room, resources) for room in rooms})
    server, listener = Server(server_config(gateway.app)), listen(settings)
    async with running([*rooms, gateway.service], resources):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://{settings.host}:{listener.getsockname()[1]}"
        announce(settings.directory, url, await gateway.link())
        if settings.warm_engines:
            await resources.engines.start()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
    await serving
    (settings.directory / "platform.json").unlink()


def announce(home: Path, url: str, link: str) -> None:
    """Tell people and the command line where the platform listens."""
    (home / "platform.json").write_text(json.dumps({"url": url, "pid": os.getpid()}))
    sys.stdout.write(
        f"Anneal is ready at {url}\n"
        f"  sign in once with  {url}{link}\n"
        f"  data directory     {home}\n"
        f"  API key            {home / 'api-key'}\n"
        f"  log                {home / 'anneal.log'}\n"
        "Ctrl-C stops it; running jobs checkpoint first and go on at the next start.\n"
    )
    sys.stdout.flush()
    log.info("ready", url=url)


async def main(settings: Settings) -> None:
    """Open the resources and serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    with ExitStack() as last:  # what closes with the resources is traced and logged too
        async with open_resources(settings) as resources:
            configure_logging(last.enter_context((settings.directory / "anneal.log").open("a", buffering=1)))
            last.enter_context(export_spans(settings, "embedded"))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await serve(settings, resources, stop)


def parse(arguments: Sequence[str]) -> Settings:
    """Settings from the environment, with the command line's port over them."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("--port", type=int, help="0 picks a free one")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return Settings(**given)


if __name__ == "__main__":
    try:
        asyncio.run(main(parse(sys.argv[1:])))
    except AnnealError as error:
        sys.exit(f"anneal: {error.detail} {error.remedy or ''}".strip())
