"""What the API shows of presets."""

from typing import Any

from services.training.models import Preset
from shared.documents.entities import Public


class PresetView(Public):
    """A saved set of training settings."""

    name: str
    description: str
    settings: dict[str, Any]
    shared: bool

    @classmethod
    def of(cls, preset: Preset) -> "PresetView":
        """The view of an entity."""
        return cls(**preset.model_dump(), shared=preset.private_to is None)
