"""The gateway: the one door of the platform. It knows who asks and where each path leads, and nothing of the work.

Purpose: authentication (keys, sessions, one-time links), one route table, forwarding, the live websocket, health,
metrics, the merged API description, and a read model for the dashboard.
Consumes: every fact of the other rooms (for the read model) and the broadcast training.progressed.v1 (for /live).
Emits: nothing.
It does not know: how any room does its work, or whether a room is in this process or behind an address.
"""
