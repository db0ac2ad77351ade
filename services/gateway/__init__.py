"""The gateway: the platform's single entry point.

Purpose: authentication (API keys, browser sessions, one-time links), the route table, the reverse proxy, the live
websocket, health, metrics, the merged OpenAPI description, static pages, the dashboard's read model, and webhooks.
Consumes: the durable events of the other services (for the read model and webhooks), and the broadcast
training.progressed.v1 (for /live).
Emits: nothing.
It does not know: how a service does its work, or whether a service runs in this process or behind an address.
"""
