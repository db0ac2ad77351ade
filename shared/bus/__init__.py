"""Durable events and lossy broadcasts: the protocol, and its adapters beside it."""

from shared.bus.protocol import Bus, DeadLetter, Handler, Reject

__all__ = ["Bus", "DeadLetter", "Handler", "Reject"]
