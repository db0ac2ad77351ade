"""All items of the catalogue."""

from __future__ import annotations

from tests.security.items import ModelItem, RequestItem, UploadItem
from tests.security.models import MODELS
from tests.security.uploads import ARCHIVES, FILES, REQUESTS

Item = ModelItem | UploadItem | RequestItem
ITEMS: list[Item] = [*MODELS, *FILES, *ARCHIVES, *REQUESTS]
USES = [
    ("a template that loops on one word, in chat", "400 `template_refused`; another tenant is answered"),
    (
        "a template whose one step takes half a minute, in chat",
        "400 `template_refused` when the step has ended; another tenant is answered meanwhile",
    ),
    (
        "four slow renderings at once, in chat",
        "200, or 400 `template_refused` beyond 2 s of CPU time; another tenant is answered",
    ),
]
