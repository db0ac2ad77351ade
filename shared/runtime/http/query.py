"""Query parameters that a route does not have are refused: a misspelt filter would select everything."""

import re
from difflib import get_close_matches
from typing import get_origin

from fastapi import params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from shared.runtime.errors import InvalidInput

ANY_KEY = "[key]"
"""The end of the name of a parameter that stands for every key: `metadata[key]` for `metadata[team]`."""
PROBES = frozenset({"/healthz", "/readyz"})
"""A load balancer may add parameters of its own."""


async def refuse_unknown_query(connection: HTTPConnection) -> None:
    """FastAPI dependency of every route. Raises InvalidInput for a parameter that is unknown, or repeated and no list.

    Pages, probes and websockets ignore what they do not know: they are not in the API's description.
    """
    route, given = connection.scope.get("route"), connection.query_params
    if not given or not isinstance(route, APIRoute) or not route.include_in_schema or route.path in PROBES:
        return
    fields = get_flat_params(route.dependant)
    queries = [field for field in fields if isinstance(field.field_info, params.Query)]
    known = [field.alias for field in queries]
    lists = {field.alias for field in queries if get_origin(field.field_info.annotation) is list}
    for name in given:
        if not any(_stands_for(declared, name) for declared in known):
            raise _unknown(name, known)
        if (times := len(given.getlist(name))) > 1 and name not in lists:
            detail = f"{name} is given {times} times."
            raise InvalidInput(detail, field=name, limit={"values": 1}, remedy=f"Send {name} once.")


def _stands_for(declared: str, name: str) -> bool:
    """Whether `name` is the parameter `declared`."""
    prefix = declared.removesuffix(ANY_KEY)
    return name == declared or (prefix != declared and bool(re.fullmatch(rf"{re.escape(prefix)}\[.+\]", name)))


def _unknown(name: str, known: list[str]) -> InvalidInput:
    close = get_close_matches(name, known, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"Leave {name} out."
    has = f"It has {', '.join(known)}." if known else "It has none."
    return InvalidInput(
        f"This request has no query parameter {name!r}. {has}", field=name, limit=known or None, remedy=remedy
    )
