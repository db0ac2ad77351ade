"""Prometheus metrics of the door: what clients asked and got, by route and room, and who watches live."""

from shared.runtime.telemetry.http_metrics import Requests
from shared.runtime.telemetry.metrics import Metrics


class DoorMetrics:
    """Counts at the gateway, before and after everything else."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests = Requests(
            metrics, "anneal_gateway", "Requests that came to the gateway, by the room they were for"
        )
        self.live = metrics.gauge("anneal_gateway_live_sockets", "Open websockets")
