"""Run the embedded platform: all six services in one process, on one port, with one data directory.

`anneal up` executes this module.
"""

import argparse
import asyncio
import json
import os
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
from shared.runtime.http.server import Server, explained, listen, on_signal, refuse_exposure, server_config
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import running, web_app
from shared.runtime.settings import Settings, load_settings
from shared.runtime.telemetry.exporter import export_spans
from shared.runtime.telemetry.logging import configure_logging, log_access_to

log = structlog.get_logger(__name__)

BUILDERS = (
    services.dataset.app.build,
    services.training.app.build,
    services.evaluation.app.build,
    services.export.app.build,
    services.inference.app.build,
)


async def serve(settings: Settings, resources: Resources, stop: asyncio.Event) -> None:
    """Run the services until `stop`; then running jobs checkpoint and return to the queue while requests finish."""
    refuse_exposure(settings)
    backends = [await build(resources) for build in BUILDERS]
    apps = {service.name: web_app(service, resources) for service in backends}
    resources.local_apps.update(apps)
    gateway = await services.gateway.app.build(resources, apps)
    server, listener = Server(server_config(gateway.app, settings, public=True)), listen(settings)
    async with running([*backends, gateway.service], resources):
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
    """Print the address and the sign-in link, and write platform.json, where the CLI finds the address."""
    (home / "platform.json").write_text(json.dumps({"url": url, "pid": os.getpid()}))
    sys.stdout.write(
        f"Anneal is ready at {url}\n"
        f"  sign in once with  {url}{link}\n"
        f"  data directory     {home}\n"
        f"  API key            {home / 'api-key'}\n"
        f"  logs               {home / 'anneal.log'}, {home / 'logs' / 'access.log'}\n"
        "Ctrl-C stops the platform. Running jobs checkpoint, and resume at the next start.\n"
    )
    sys.stdout.flush()
    log.info("ready", url=url)


async def main(settings: Settings) -> None:
    """Open the resources and serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    with ExitStack() as outer:  # logs and spans are written until the resources are closed
        async with open_resources(settings) as resources:
            configure_logging(settings.directory / "anneal.log", settings.access_log_limit)
            log_access_to(settings.directory / "logs" / "access.log", settings.access_log_limit)
            outer.enter_context(export_spans(settings, "embedded"))
            on_signal(asyncio.get_running_loop(), stop.set)
            await serve(settings, resources, stop)


def parse(arguments: Sequence[str]) -> Settings:
    """Return the settings from the environment; `--port` overrides the port."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded", description=__doc__)
    parser.add_argument("--port", type=int, help="port to listen on; 0 chooses a free one")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    return load_settings(**given)


if __name__ == "__main__":
    with explained():
        asyncio.run(main(parse(sys.argv[1:])))
