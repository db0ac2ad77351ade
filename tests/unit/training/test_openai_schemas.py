"""OpenAI's fine-tuning requests become training requests, and jobs are shown in OpenAI's form."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.training.errors import Unsupported
from services.training.models import Allocation, Job
from services.training.openai.schemas import FineTuningJob, FineTuningRequest
from tests.support.data_cases import data_case


def request(**fields: Any) -> FineTuningRequest:
    return FineTuningRequest.model_validate({"model": "seedling", "training_file": "ds_1", **fields})


def test_supervised_method_is_sft_for_any_data() -> None:
    training = request().to_training_request()
    assert (training.objective, training.dataset, training.after) == ("sft", "ds_1", ["deploy"])


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_preference_method_has_its_beta(method: str) -> None:
    settings = {"hyperparameters": {"beta": 0.3, "n_epochs": 2}}
    training = request(method={"type": method, method: settings}).to_training_request()
    assert (training.objective, training.beta, training.epochs) == (method, 0.3, 2)


@pytest.mark.parametrize("method", [None, {"type": "supervised"}, {"type": "dpo"}, {"type": "dpo", "dpo": {}}])
def test_deprecated_hyperparameters_are_used_with_any_method(method: Any) -> None:
    assert request(method=method, hyperparameters={"n_epochs": 3}).to_training_request().epochs == 3


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"method": {"type": "dpo", "supervised": {"hyperparameters": {"n_epochs": 3}}}}, "method.supervised"),
        (
            {
                "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
                "hyperparameters": {"n_epochs": 4},
            },
            "hyperparameters",
        ),
    ],
)
def test_hyperparameters_that_would_not_be_used_are_refused(fields: Any, param: str) -> None:
    with pytest.raises(Unsupported) as raised:
        request(**fields).to_training_request()
    assert (raised.value.field, bool(raised.value.remedy)) == (param, True)


@data_case("API", "A job with objective kto in OpenAI's job view", "its method has the type `kto`, which OpenAI lacks")
@pytest.mark.parametrize(("objective", "method"), [("sft", "supervised"), ("dpo", "dpo"), ("kto", "kto")])
def test_job_shows_its_method(objective: str, method: str) -> None:
    shown = FineTuningJob.of(job_of({"objective": objective}), {}).method.model_dump()
    assert shown["type"] == method
    assert [name for name in ("supervised", "dpo", "kto") if shown[name]] == [method]


@pytest.mark.parametrize(("epochs", "shown"), [(3.0, 3), (0.5, "auto"), (None, "auto")])
def test_job_of_our_own_api_shows_what_its_request_gave(epochs: float | None, shown: int | str) -> None:
    job = job_of({"objective": "kto", "epochs": epochs, "batch_size": 8, "beta": 0.3}, defaulted=["beta"])
    view = FineTuningJob.of(job, {})
    assert view.hyperparameters.model_dump() == {
        "n_epochs": shown,
        "batch_size": 8,
        "learning_rate_multiplier": "auto",
        "beta": "auto",
    }


def job_of(hyperparameters: dict[str, Any], defaulted: Sequence[str] = ()) -> Job:
    return Job(
        id="job_1",
        project="p",
        name="n",
        base="seedling",
        base_uri="u",
        method="lora",
        dataset_id="ds_1",
        dataset_version="v",
        hyperparameters=hyperparameters,
        defaulted=list(defaulted),
        resources=Allocation(cpu=1),
    )
