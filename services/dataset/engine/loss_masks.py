"""Loss masks of messages: which assistant turns, and which parts of them, are not trained.

OpenAI and ShareGPT write `weight` 0 or 1, LLaMA-Factory `loss_weight`, Axolotl `train` or `training` and the spans of
`train_detail`, ms-swift `loss`. They become `train: false`, and `untrained`: [[start, end), …] in characters.
"""

from collections.abc import Mapping
from typing import Any

from services.dataset.engine.lines import BadRow
from services.dataset.engine.values import has_value, truth, type_name

SWITCHES = ("weight", "loss_weight", "train", "training", "loss")
SPANS = "train_detail"


def parse_mask(item: Mapping[str, Any], content: str, field: str) -> dict[str, Any]:
    """Return `train` as far as the message says it, and `untrained` for a part of its content. Raises BadRow."""
    given = [_parse_switch(item[key], f"{field}.{key}") for key in SWITCHES if has_value(item.get(key))]
    if given and not all(given):
        return {"train": False}
    mask: dict[str, Any] = {"train": True} if given else {}
    if not has_value(item.get(SPANS)):
        return mask
    untrained = _parse_spans(item[SPANS], content, f"{field}.{SPANS}")
    if untrained == [[0, len(content)]]:
        return {"train": False}
    return {**mask, "untrained": untrained} if untrained else mask


def _parse_switch(value: object, field: str) -> bool:
    trained = truth(value)
    if trained is None:
        shown = value if isinstance(value, int | float | str) else type_name(value)
        raise BadRow(f"{field} is {shown!r:.40}; only 0 and 1 (or false and true) can be applied")
    return trained


def _parse_spans(value: object, content: str, field: str) -> list[list[int]]:
    """Return the [start, end) spans outside of those with train: true; Axolotl's ends are inclusive."""
    if not isinstance(value, list):
        raise BadRow(f"{field} is {type_name(value)}, a list of spans is expected")
    trained = bytearray(len(content))
    for index, span in enumerate(value):
        begin, end, is_trained = _parse_span(span, len(content), f"{field}[{index}]")
        trained[begin : end + 1] = bytes([is_trained]) * (end + 1 - begin)
    return _runs_of_zeros(trained)


def _parse_span(span: object, length: int, field: str) -> tuple[int, int, bool]:
    begin, end, is_trained = (
        (span.get(key) for key in ("begin_offset", "end_offset", "train"))
        if isinstance(span, dict)
        else (None, None, None)
    )
    if type(begin) is not int or type(end) is not int or truth(is_trained) is None:
        raise BadRow(f"{field} needs begin_offset, end_offset and train")
    if not 0 <= begin <= end < length:
        raise BadRow(f"{field} is {begin} to {end}, outside of the content's characters 0 to {length - 1}")
    return begin, end, bool(truth(is_trained))


def _runs_of_zeros(trained: bytearray) -> list[list[int]]:
    runs: list[list[int]] = []
    for position, flag in enumerate(trained):
        if not flag and runs and runs[-1][1] == position:
            runs[-1][1] += 1
        elif not flag:
            runs.append([position, position + 1])
    return runs
