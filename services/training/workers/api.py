"""HTTP: the machine that trains."""

from fastapi import APIRouter

from services.training.workers.machine_usage import MachineUse
from services.training.workers.views import MachineView
from shared.runtime.http.principal import Caller


def routes(use: MachineUse) -> APIRouter:
    """The route /training/machine."""
    router = APIRouter(prefix="/training/machine", tags=["Training"])

    @router.get("")
    async def show_training_machine(caller: Caller) -> MachineView:
        """What the machine of one training worker has, what jobs hold of it, and how busy it is."""
        return await use.view()

    return router
