"""Permissions to add base models: a caller may use its own project, an admin also what is outside of it."""

from services.training.base_models.requests import BaseRequest
from shared.runtime.http.principal import Forbidden, Principal


def check_source_permission(caller: Principal, request: BaseRequest) -> None:
    """Raises Forbidden for a folder of the server or another object store, unless the caller is an admin."""
    if caller.admin:
        return
    remedy = "Use a key with the scope 'admin', upload a zip, or fetch the model from the hub with hub_id."
    if request.path is not None:
        raise Forbidden("Only an admin may register folders of the server.", field="path", remedy=remedy)
    if request.uri is not None and not request.uri.startswith("s3://"):
        raise Forbidden("Only an admin may use other object stores.", field="uri", remedy=remedy)
