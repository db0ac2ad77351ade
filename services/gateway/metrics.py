"""Prometheus metrics of the gateway: client requests by route and service, and open websockets."""

from shared.runtime.telemetry.http_metrics import Requests
from shared.runtime.telemetry.metrics import Metrics


class GatewayMetrics:
    """Metrics at the outermost layer, including rejected requests."""

    def __init__(self, metrics: Metrics) -> None:
        self.requests = Requests(metrics, "anneal_gateway", "Requests received by the gateway, by destination service")
        self.live = metrics.gauge("anneal_gateway_live_sockets", "Open websockets")
