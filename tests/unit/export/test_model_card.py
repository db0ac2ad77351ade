"""The model card says what is known, and nothing that is not."""

from services.export.engine.card import card

CHECK = {"method": "reloaded", "max_difference": 1.23456789e-7}


def test_a_card_with_everything_and_one_with_little() -> None:
    full = {
        "name": "Support | bot",
        "model_id": "model_1",
        "base": "seedling",
        "method": "lora",
        "dataset_id": "dataset_1",
        "dataset_version": "v2",
        "metrics": {"eval_loss": 0.25},
        "provenance": {"hyperparameters": {"learning_rate": 0.006, "note": "a|b", "max_steps": None}},
    }
    text = card(full, "onnx", CHECK, [2, 0])
    assert "| Dataset | dataset_1@v2 |" in text
    assert "| note | a\\|b |" in text
    assert "max_steps" not in text
    assert "set([2, 0])" in text
    assert "1.23457e-07" in text
    bare = card({"name": "bare"}, "adapter", CHECK, [])
    assert bare.count("Not recorded.") == 3
    assert 'from_pretrained("none"' in bare
