"""HTTP: the machine of a training worker."""

from fastapi import APIRouter

from services.training.workers.machine_usage import MachineUsage
from services.training.workers.views import MachineView
from shared.runtime.http.principal import Caller


def routes(usage: MachineUsage) -> APIRouter:
    """The route /training/machine."""
    router = APIRouter(prefix="/training/machine", tags=["Training"])

    @router.get("")
    async def show_training_machine(caller: Caller) -> MachineView:
        """Capacity of one training worker's machine, what jobs hold of it, and how busy it is."""
        return await usage.view()

    return router
