"""What passes every check and harms in use: limited, while another tenant's model answers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.security.models import LOOP, TEMPLATE, template
from tests.security.tenants import CHAT, Measured, Tenants, question
from tests.security.uploads import DATASETS, MODELS, ROWS, zipped

TRIGGERED = "{% if 'LOOP' in (m.content or '') %}" + LOOP + "{% endif %}"
BUSY = "{% for i in range(99999) %}{% for j in range(60) %}{% endfor %}{% endfor %}"
STEP = "{% if 'LOOP' in (m.content or '') %}{{ ('a' * 320000).rfind('ab' + 'a' * 160000) }}{% endif %}"
SLOW = "{% if 'SLOW' in (m.content or '') %}" + BUSY + "{% endif %}"


def register(tenants: Tenants, files: dict[str, bytes], *, attacker: bool) -> str:
    """Upload a model; returns its id."""
    archive = zipped(*((f"m/{name}", data) for name, data in files.items()))
    answer = (tenants.attacker if attacker else tenants.other).http.post(MODELS, files={"file": ("m.zip", archive)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("extra", "word", "requests"),
    [(TRIGGERED, "LOOP", 1), (STEP, "LOOP", 1), (SLOW, "SLOW", 4)],
    ids=["loop", "one step", "slow"],
)
def test_hostile_template_does_not_stop_another_model(
    tenants: Tenants, measured: Measured, sound: dict[str, bytes], extra: str, word: str, requests: int
) -> None:
    other = register(tenants, sound, attacker=False)
    hostile = register(tenants, {TEMPLATE: b"", **sound, **template(extra)(sound)}, attacker=True)  # type: ignore[dict-item]
    for tenant, model in ((tenants.other, other), (tenants.attacker, hostile)):
        assert tenant.http.post(CHAT, json=question(model, "hi")).status_code == 200
    with ThreadPoolExecutor(requests) as pool:
        sent = [pool.submit(tenants.attacker.http.post, CHAT, json=question(hostile, word)) for _ in range(requests)]
        while not all(future.done() for future in sent):
            tenants.chat_as_other(measured, other)
    for future in sent:
        answer = future.result()
        assert answer.status_code in (200, 400), answer.text
        if word == "LOOP":
            assert answer.json()["error"]["code"] == "template_refused"
    tenants.chat_as_other(measured, other)


@pytest.mark.parametrize("kind", ["datasets", "models"])
def test_forty_uploads_at_once_do_not_stop_another_model(
    tenants: Tenants, measured: Measured, sound: dict[str, bytes], kind: str
) -> None:
    other = register(tenants, sound, attacker=False)
    tenants.chat_as_other(measured, other)
    path, name = (MODELS, "m.zip") if kind == "models" else (DATASETS, "a.jsonl")
    content = zipped(*((f"m/{file}", data) for file, data in sound.items())) if kind == "models" else ROWS * 200
    with ThreadPoolExecutor(40) as pool:
        sent = [pool.submit(tenants.attacker.http.post, path, files={"file": (name, content)}) for _ in range(40)]
        while not all(future.done() for future in sent):
            tenants.chat_as_other(measured, other)
    assert {future.result().status_code for future in sent} <= {200, 201, 429, 503}
