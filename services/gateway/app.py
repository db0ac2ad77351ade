"""The gateway's composition root."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import structlog
from fastapi import APIRouter
from starlette.types import ASGIApp

from services.gateway import api, dead_letters, handlers
from services.gateway.audit import api as audit_api
from services.gateway.audit.recording import Recorder
from services.gateway.audit.trail import AuditLog, Request
from services.gateway.auth import api as auth_api
from services.gateway.auth import oidc_api, projects_api
from services.gateway.auth.authenticator import Authenticator
from services.gateway.auth.credentials import Credentials, generate_secret
from services.gateway.auth.keys import Keys
from services.gateway.auth.members import Members
from services.gateway.auth.oidc import OpenIdProvider, require_consistent
from services.gateway.auth.sessions import Sessions
from services.gateway.job_stream import BroadcastHub, JobStreams
from services.gateway.limits import api as limits_api
from services.gateway.limits.limiter import Limiter
from services.gateway.limits.policy import Policy
from services.gateway.limits.quotas import Quotas
from services.gateway.limits.usage import Usage
from services.gateway.lineage import api as lineage_api
from services.gateway.lineage.graph import LineageGraph
from services.gateway.metrics import GatewayMetrics
from services.gateway.middleware import GatewayMiddleware
from services.gateway.models import Grant, Key, Session
from services.gateway.overview import ReadModel
from services.gateway.reverse_proxy import ReverseProxy
from services.gateway.service import Platform
from services.gateway.store import Stores
from services.gateway.upstreams import InProcessUpstream, Upstream, Upstreams, as_upstream
from services.gateway.webhooks import api as webhooks_api
from services.gateway.webhooks.models import Webhook
from services.gateway.webhooks.sender import Sender
from services.gateway.webhooks.service import Webhooks
from shared.runtime.http.addresses import AddressPolicy
from shared.runtime.http.principal import Principal, Signer
from shared.runtime.resources import Resources, private_file
from shared.runtime.service import Service, background, web_app

log = structlog.get_logger(__name__)

OPERATOR = Principal("operator", scopes=("*",))
VERSION = "0.2.0"
CLEANUP_INTERVAL_S = 3600.0


@dataclass(frozen=True)
class Gateway:
    """The built gateway: `app` serves all HTTP and websocket traffic, `service` runs in the background beside it."""

    service: Service
    app: ASGIApp
    sessions: Sessions
    audit: AuditLog

    async def link(self) -> str:
        """Return the path of a one-time link that signs a browser in as the operator."""
        await self.audit.record(Request("sign-in link", OPERATOR.project, OPERATOR.subject).line())
        return await self.sessions.link(OPERATOR)


async def delete_expired(*stores: Credentials[Any] | Usage | Webhooks) -> None:
    """Delete expired sessions, links, tickets, counts and deliveries of webhooks every hour, until cancelled.

    Expired API keys stay listed.
    """
    while True:
        for store in stores:
            try:
                await store.delete_expired()
            except Exception:
                log.exception("expired_documents_not_deleted")
        await asyncio.sleep(CLEANUP_INTERVAL_S)


async def build(resources: Resources, services: Mapping[str, Upstream | ASGIApp]) -> Gateway:
    """Build the gateway in front of `services`: name -> ASGI app in this process, or an Upstream (HttpUpstream)."""
    stores, metrics = await Stores.open(resources), GatewayMetrics(resources.metrics)
    keys = Keys(Credentials(stores.keys, Key, "key"))
    grants = Credentials(stores.grants, Grant, "grant")
    settings = resources.settings
    idle_timeout = timedelta(hours=settings.session_idle_hours)
    sessions = Sessions(keys.credentials, Credentials(stores.sessions, Session, "session"), grants, idle_timeout)
    operator_key = settings.operator_key or private_file(settings.directory / "api-key", generate_secret())
    await keys.register(operator_key, "first key", OPERATOR)
    members = Members(stores, keys)
    for project in {OPERATOR.project, *(key.project for key in await stores.keys.find())}:
        await members.add_project(project)
    require_consistent(settings)
    client = httpx.AsyncClient()
    provider = OpenIdProvider(settings, client) if settings.oidc_issuer else None
    signer = Signer(resources.keyring)
    upstreams = Upstreams({name: as_upstream(service) for name, service in services.items()}, signer)
    model = ReadModel(stores)
    lineage = LineageGraph(stores, model)
    policy, usage = Policy(stores.limits, settings), Usage(stores.usage)
    limiter = Limiter(policy, usage, Quotas(upstreams, resources.blobs), settings)
    audit = AuditLog(stores.audit, settings.audit_days)
    broadcasts = BroadcastHub(resources.bus, model)

    async def record_gone(webhook: Webhook) -> None:
        line = Request("webhook.disabled", webhook.project, "anneal/gateway").line(detail=webhook.disabled_reason)
        line.resource, line.resource_id = "webhook", webhook.id
        await audit.finish(line)

    receivers = AddressPolicy(
        settings.webhook_hosts, setting="ANNEAL_WEBHOOK_HOSTS", instead="Ask", only=settings.outbound_hosts
    )
    webhook_stores = (stores.webhooks, stores.deliveries, resources.keyring, receivers)
    sender = Sender(*webhook_stores, record_gone, resources.metrics)
    webhooks = Webhooks(*webhook_stores, sender.wake)
    await webhooks.encrypt_again()

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        cleanup = delete_expired(sessions.credentials, grants, usage, webhooks)
        async with (
            background(broadcasts.run()),
            background(cleanup),
            background(usage.run()),
            background(audit.run()),
            background(sender.run()),
        ):
            yield
        await client.aclose()

    router = APIRouter()
    router.include_router(auth_api.routes(keys, sessions, members, settings.public_url))
    router.include_router(projects_api.routes(members))
    router.include_router(oidc_api.routes(provider, members, sessions, settings.public_url))
    router.include_router(limits_api.routes(limiter, policy, stores.keys))
    router.include_router(api.routes(Platform(resources, upstreams, VERSION), model))
    router.include_router(lineage_api.routes(lineage))
    router.include_router(dead_letters.routes(resources.bus))
    router.include_router(audit_api.routes(stores.audit, audit))
    router.include_router(webhooks_api.routes(webhooks))
    router.include_router(api.websocket_routes(JobStreams(broadcasts, upstreams), metrics))
    service = Service("gateway", router, handlers.subscriptions(model, lineage, audit, webhooks), lifespan)
    upstreams.by_service["gateway"] = InProcessUpstream(web_app(service, resources, openapi_url=None))
    authenticator = Authenticator(keys.credentials, sessions, grants, members, settings)
    proxy = ReverseProxy(authenticator, upstreams, signer, limiter, Recorder(audit, sessions.credentials))
    return Gateway(service, GatewayMiddleware(proxy, metrics, audit), sessions, audit)
