"""The events that this room consumes: none, for a dataset depends on nobody."""

from collections.abc import Mapping

from shared.events.envelope import Event
from shared.runtime.service import EventHandler

SUBSCRIPTIONS: Mapping[type[Event], EventHandler] = {}
