"""The location of a file in an object store; of the platform's own store, only the project's part is allowed."""

import pytest

from shared.blobs.locations import locate
from shared.runtime.errors import InvalidInput

OWN = "s3+http://key:secret@minio:9000/anneal"


def test_store_with_its_own_key_may_be_anywhere() -> None:
    given = "s3+https://a:b@example.org/bucket/some/model"
    assert locate(given, OWN, "mine") == ("s3+https://a:b@example.org/bucket", "some/model")


def test_own_store_is_readable_within_the_project() -> None:
    assert locate("s3://anneal/mine/models/x", OWN, "mine") == (OWN, "mine/models/x")


@pytest.mark.parametrize(
    "uri",
    ["s3://anneal/other/models/x", "s3://anneal/mine", "s3://anneal/mineral/x", "s3://another/mine/x", "s3://anneal"],
)
def test_own_store_is_refused_outside_the_project(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        locate(uri, OWN, "mine")
    assert refused.value.limit == "s3://anneal/mine/…"
    assert "secret@minio" not in str(refused.value.problem())
