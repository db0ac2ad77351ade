"""Permissions to add base models: a caller may use its own project, an admin other stores, the operator its server."""

from services.training.base_models.requests import BaseRequest
from shared.runtime.http.principal import Forbidden, Principal


def check_source_permission(caller: Principal, request: BaseRequest) -> None:
    """Raises Forbidden for a folder of the server (operator only) and for another object store (admins only)."""
    if request.path is not None and not caller.operator:
        remedy = "Use the operator's key, upload a zip, or fetch the model from the hub with hub_id."
        raise Forbidden("Only the operator may register folders of the server.", field="path", remedy=remedy)
    if request.uri is not None and not request.uri.startswith("s3://") and not caller.admin:
        remedy = "Use a key with the scope 'admin', upload a zip, or fetch the model from the hub with hub_id."
        raise Forbidden("Only an admin may use other object stores.", field="uri", remedy=remedy)
