"""What OpenAI's fine-tuning API means here."""

from services.training.openai.schemas import FineTuningRequest


def test_supervised_training_learns_answers_whatever_the_data() -> None:
    asked = FineTuningRequest(model="seedling", training_file="ds_1").translated()
    assert (asked.objective, asked.dataset, asked.after) == ("sft", "ds_1", ["deploy"])
