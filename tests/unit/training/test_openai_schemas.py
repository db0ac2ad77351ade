"""OpenAI's fine-tuning requests become training requests."""

from services.training.openai.schemas import FineTuningRequest


def test_supervised_method_is_sft_for_any_data() -> None:
    request = FineTuningRequest(model="seedling", training_file="ds_1").to_training_request()
    assert (request.objective, request.dataset, request.after) == ("sft", "ds_1", ["deploy"])
