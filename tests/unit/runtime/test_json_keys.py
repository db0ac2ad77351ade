"""Repeated JSON keys are found in one pass: an attacker chooses how many there are."""

import pytest

from shared.json_keys import RepeatedKey, unique_keys


class CountingKey(str):
    """A key that counts its comparisons."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountingKey.compared += 1
        return str.__eq__(self, str(other))


def test_a_repeated_key_among_many_is_named_in_one_pass() -> None:
    keys = [CountingKey(f"k{number}") for number in range(3000)]
    with pytest.raises(RepeatedKey) as found:
        unique_keys([(key, None) for key in [*keys, CountingKey("k2999")]])
    assert found.value.key == "k2999"
    assert CountingKey.compared < 10 * len(keys)
