"""Event handlers of the dataset service: none, since it consumes no events."""

from collections.abc import Mapping

from shared.events.envelope import Event
from shared.runtime.service import EventHandler

SUBSCRIPTIONS: Mapping[type[Event], EventHandler] = {}
