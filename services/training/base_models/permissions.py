"""What a caller may have the server read: its own project; what lies beyond is for who runs the platform."""

from services.training.base_models.requests import BaseRequest
from shared.runtime.http.principal import Forbidden, Principal

OPERATORS = frozenset(("*", "admin"))


def refuse_reach(caller: Principal, request: BaseRequest) -> None:
    """Raises Forbidden for a folder of the server or the address of another store, unless an admin asks for it."""
    if not OPERATORS.isdisjoint(caller.scopes):
        return
    remedy = "Use a key with the scope 'admin', upload a zip, or fetch the model from the hub with hub_id."
    if request.path is not None:
        raise Forbidden("Folders of the server are registered by an admin.", field="path", remedy=remedy)
    if request.uri is not None and not request.uri.startswith("s3://"):
        raise Forbidden("Other object stores are named by an admin.", field="uri", remedy=remedy)
