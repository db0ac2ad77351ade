"""The laptop entry: all six rooms in one process, one port, one data directory. `anneal up` execs this module."""

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
import uvicorn

import services.dataset.app
import services.evaluation.app
import services.export.app
import services.gateway.app
import services.inference.app
import services.training.app
from shared.runtime.errors import AnnealError
from shared.runtime.logging import configure_logging
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings

log = structlog.get_logger(__name__)

BUILDERS = (
    services.dataset.app.build,
    services.training.app.build,
    services.evaluation.app.build,
    services.export.app.build,
    services.inference.app.build,
)


async def serve(settings: Settings, listener: socket.socket, resources: Resources) -> None:
    """Run the rooms until SIGINT or SIGTERM, then let running work checkpoint and hand itself back."""
    rooms = [await build(resources) for build in BUILDERS]
    gateway = await services.gateway.app.build(resources, {room.name: web_app(room, resources) for room in rooms})
    config = uvicorn.Config(gateway.app, log_config=None, lifespan="off", ws="websockets-sansio", access_log=False)
    server = uvicorn.Server(config)
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    async with running([*rooms, gateway.service], resources):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.01)
        announce(settings.directory, url, await gateway.link())
        if settings.warm_engines:
            await resources.engines.start()
        await serving
    (settings.directory / "platform.json").unlink(missing_ok=True)


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
    """Open the resources and serve."""
    async with open_resources(settings) as resources:
        with (settings.directory / "anneal.log").open("a", buffering=1) as stream:
            configure_logging(stream)
            listener = socket.create_server((settings.host, settings.port), backlog=512)
            await serve(settings, listener, resources)


def parse(arguments: Sequence[str]) -> Settings:
    """Settings from the environment, with the command line's port and host over them."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("--port", type=int, help="0 picks a free one")
    parser.add_argument("--host")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return Settings(**given)


if __name__ == "__main__":
    settings = parse(sys.argv[1:])
    try:
        asyncio.run(main(settings))
    except AnnealError as error:
        sys.exit(f"anneal: {error.detail} {error.remedy or ''}".strip())
    except OSError as error:
        sys.exit(f"anneal: cannot listen on {settings.host}:{settings.port}: {error.strerror}. Try --port 0.")
