"""Exports a process's spans to an OTLP/HTTP collector, if one is configured; otherwise nothing is imported or recorded.

The SDK reads the standard OTEL_* variables: sampler, batch sizes, headers, resource attributes, endpoints.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace

from shared.runtime.resources import driver
from shared.runtime.settings import Settings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH_SECONDS = 5.0
"""Limit of the final flush when the collector does not answer."""


@contextmanager
def export_spans(settings: Settings, name: str) -> Iterator[None]:
    """Record spans as `service.name` anneal-`name`, and flush them at the end.

    Use it once per process, because OpenTelemetry's provider is global. Raises MissingDriver without the SDK.
    """
    if not (settings.otlp_endpoint or any(os.environ.get(variable) for variable in ENDPOINTS)):
        yield
        return
    with driver("otel"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    endpoint = f"{settings.otlp_endpoint.rstrip('/')}/v1/traces" if settings.otlp_endpoint else None
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"anneal-{name}"}
    resource = Resource.create({"service.namespace": "anneal", "service.instance.id": _instance(), **named})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        flushing = threading.Thread(target=provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)


def _instance() -> str:
    return f"{os.uname().nodename}:{os.getpid()}"
