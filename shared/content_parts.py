"""Contents that are lists of parts, read alike for training and for serving."""

from collections.abc import Iterable

TEXT_PARTS = ("text", "input_text", "output_text")
REASONING_PARTS = ("reasoning", "thinking")
MEDIA = {"image": "images", "audio": "audio", "video": "video", "file": "files"}
"""A word in the type of a part that holds no text, and the name of what it holds."""


def media_name(kind: object) -> str | None:
    """Return what a part of this type holds if it is an image, audio, video or a file."""
    return next((name for word, name in MEDIA.items() if word in str(kind)), None)


def join_texts(texts: Iterable[str]) -> str:
    """Join parts with a line break, unless white space separates them already.

    vLLM and LLaMA-Factory join them so for a template that expects a text; a template that reads parts itself would
    write them without any separator, which glues the words of two paragraphs together.
    """
    joined = ""
    for text in filter(None, texts):
        separator = "\n" if joined and not joined[-1].isspace() and not text[0].isspace() else ""
        joined += separator + text
    return joined
