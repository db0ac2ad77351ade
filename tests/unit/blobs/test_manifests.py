"""What manifests say beyond their fields."""

from typing import Any

import pytest

from shared.blobs.manifests import ModelManifest


@pytest.mark.parametrize(
    ("request_body", "trained"),
    [({}, {"train"}), (None, {"train"}), ({"validation": "dataset_2@v1"}, {"train", "validation"})],
)
def test_a_job_that_validates_on_another_dataset_trains_on_both_splits(
    request_body: dict[str, Any] | None, trained: set[str]
) -> None:
    manifest = ModelManifest(model_id="model_1", name="m", kind="full", provenance={"request": request_body})
    assert manifest.trained_splits == trained
