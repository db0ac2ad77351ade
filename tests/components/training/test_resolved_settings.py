"""POST /training/settings: every setting of a job that is being written, where it comes from, and all problems."""

from typing import Any

import pytest

from services.training.presets.recipes import RECIPES
from tests.support.training_service import TrainingHarness


async def resolve(service: TrainingHarness, **body: Any) -> dict[str, Any]:
    answer = await service.http.post("/training/settings", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def settings_of(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {setting["name"]: setting for setting in found["settings"]}


async def test_values_and_sources_are_those_of_the_job(service: TrainingHarness) -> None:
    body = {"dataset": "ds_1", "batch_size": 4, "preset": "small-data"}
    found = settings_of(await resolve(service, **body))
    job = await service.submit(**{**body, "max_steps": None, "checkpoint_every": None})
    await service.cancel(job["id"])
    for name in ("learning_rate", "epochs", "warmup_steps", "eval_every", "early_stopping_patience", "seed"):
        assert found[name]["value"] == job["hyperparameters"][name], name
    assert found["lora.rank"]["value"] == job["hyperparameters"]["lora"]["rank"] == 8
    sources = {
        name: found[name]["source"] for name in ("batch_size", "epochs", "learning_rate", "scheduler", "threads")
    }
    assert sources == {
        "batch_size": "you",
        "epochs": "preset",
        "learning_rate": "base",
        "scheduler": "default",
        "threads": "machine",
    }
    assert "LoRA" in found["learning_rate"]["reason"]
    assert found["learning_rate"]["limits"]["above"] == 0


async def test_all_problems_are_found_at_once_and_the_rest_is_resolved(service: TrainingHarness) -> None:
    wrong = {"learning_rate": 7, "batch_size": 0, "lora": {"rank": 5000, "alpha": 4}, "dtype": "fp16", "epochs": 3}
    found = await resolve(service, dataset="ds_1", max_steps=5, **wrong)
    fields = {problem["field"] for problem in found["problems"]}
    assert fields == {"learning_rate", "batch_size", "lora.rank", "dtype", "epochs"}
    settings = settings_of(found)
    assert settings["lora.alpha"]["value"] == 4
    assert settings["max_steps"]["value"] == found["steps"] == 5
    assert (settings["learning_rate"]["source"], settings["learning_rate"]["value"] < 1) == ("base", True)


async def test_wrong_entries_of_a_list_leave_the_rest_resolved(service: TrainingHarness) -> None:
    lora = {"targets": ["no name", "none either"], "rank": 4}
    found = await resolve(service, dataset="ds_1", after=["x", "y"], lora=lora, max_steps=5)
    fields = {problem["field"] for problem in found["problems"]}
    assert fields == {"after.0", "after.1", "lora.targets.0", "lora.targets.1"}
    assert (found["steps"], settings_of(found)["lora.rank"]["value"]) == (5, 4)


async def test_the_reason_of_the_warm_up_fits_its_value(service: TrainingHarness) -> None:
    warmup = settings_of(await resolve(service, dataset="ds_1", max_steps=5))["warmup_steps"]
    assert (warmup["value"], warmup["reason"]) == (2, "3 % of the steps, at least 10, at most half")


async def test_without_a_dataset_limits_are_known_and_values_are_not(service: TrainingHarness) -> None:
    found = await resolve(service, epochs=-1)
    assert {problem["field"] for problem in found["problems"]} == {"dataset", "epochs"}
    setting = settings_of(found)["epochs"]
    assert (setting["value"], setting["source"], setting["limits"]["maximum"]) == (None, None, 1000)


async def test_a_job_is_fitted_to_each_base_model(service: TrainingHarness) -> None:
    body = {"bases": ["seedling", "nowhere"], "request": {"dataset": "ds_1", "base": "nowhere"}}
    found = (await service.http.post("/training/settings/fits", json=body)).json()
    assert [(each["base"], each["verdict"]) for each in found["items"]] == [("seedling", "fits")]


@pytest.mark.parametrize("recipe", [recipe.id for recipe in RECIPES])
async def test_a_recipe_is_a_preset_that_fills_in_the_job(service: TrainingHarness, recipe: str) -> None:
    listed = {each["id"]: each for each in (await service.http.get("/training/recipes")).json()["items"]}
    found = await resolve(service, dataset="ds_1", preset=recipe)
    assert found["problems"] == []
    given = {name: value for name, value in listed[recipe]["settings"].items() if value is not None}
    settings = settings_of(found)
    for name in given.keys() - {"lora"}:
        assert (settings[name]["value"], settings[name]["source"]) == (given[name], "preset"), name
