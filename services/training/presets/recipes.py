"""Recipes: presets that come with the platform, as starting points for common kinds of data.

A job uses one by its id, as it uses a preset. What a recipe leaves open follows from method, model and data as always.
"""

from typing import Literal

from pydantic import BaseModel, Field

from services.training.settings import LoraSettings, TrainingSettings

Form = Literal["text", "messages", "preference", "unpaired"]


class Recipe(BaseModel):
    """Settings for a kind of data."""

    id: str = Field(description="the value of `preset` in a job")
    name: str
    description: str = Field(description="what it is for, and what it changes")
    forms: list[Form] = Field(description="the forms of rows that it is meant for")
    settings: TrainingSettings


RECIPES = (
    Recipe(
        id="small-data",
        name="Small data",
        description="Up to about 500 rows: a small adapter with dropout, stopped when the validation loss no longer "
        "falls, so that the model does not learn the rows by heart.",
        forms=["messages", "preference", "unpaired"],
        settings=TrainingSettings(
            epochs=5, early_stopping_patience=3, lora=LoraSettings(rank=8, alpha=16, dropout=0.05)
        ),
    ),
    Recipe(
        id="tool-calling",
        name="Tool calling",
        description="Rows with tools and tool calls: half of the default learning rate over two epochs teaches when to "
        "call and how, and changes little else. Rows that the chat template cannot show are refused.",
        forms=["messages"],
        settings=TrainingSettings(
            epochs=2,
            learning_rate_multiplier=0.5,
            warmup_ratio=0.1,
            unsupported_rows="refuse",
            lora=LoraSettings(dropout=0.05),
        ),
    ),
    Recipe(
        id="style",
        name="Style",
        description="Tone and form of the answers, not knowledge: a small adapter and half of the default learning "
        "rate over two epochs.",
        forms=["messages"],
        settings=TrainingSettings(epochs=2, learning_rate_multiplier=0.5, lora=LoraSettings(rank=8, alpha=16)),
    ),
    Recipe(
        id="continued-pretraining",
        name="Continued pretraining",
        description="Plain text of a field or a language: one epoch with a large adapter, scaled by the square root of "
        "its rank (rsLoRA), and a long warm-up.",
        forms=["text"],
        settings=TrainingSettings(epochs=1, warmup_ratio=0.1, lora=LoraSettings(rank=128, rslora=True)),
    ),
)


class Recipes(BaseModel):
    """All recipes."""

    items: list[Recipe]


def find_recipe(id: str) -> Recipe | None:
    """The recipe with this id."""
    return next((recipe for recipe in RECIPES if recipe.id == id), None)
