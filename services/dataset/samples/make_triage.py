"""Writes the demo's sample dataset: from a customer's message to a compact JSON record for the support desk.

`python services/dataset/samples/make_triage.py` rewrites triage.jsonl (240 rows) and triage-heldout.jsonl (40).
The topic follows from one phrase of the message, the urgency from another, and the reply from both, so exact match
measures an answer. The held-out rows combine phrases that no training row combines: they test generalization. Rows
have the chat form (`messages`), the form in which a deployed model is prompted.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

TOPICS = {
    "delivery": (
        "my parcel has not arrived yet",
        "the tracking page still says my order is in the warehouse",
        "the courier left my package with the wrong neighbour",
        "half of my order is missing from the box",
    ),
    "billing": (
        "I was charged twice for the same order",
        "the amount on my invoice is wrong",
        "my discount code was not applied at checkout",
        "I need an invoice with my company name on it",
    ),
    "account": (
        "I cannot log in to my account",
        "the link to reset my password does not work",
        "your app signs me out every few minutes",
        "I would like to change the e-mail address of my account",
    ),
    "returns": (
        "the shoes are too small and I want to send them back",
        "I would like to swap this jacket for another colour",
        "there was no return label in the box",
        "I sent the blender back and have not seen my money",
    ),
    "damage": (
        "the lamp arrived with a crack in its base",
        "the screen of my new tablet is scratched",
        "the coffee machine leaks when I switch it on",
        "one leg of the table is broken",
    ),
    "subscription": (
        "I want to cancel my monthly plan",
        "please pause my membership for the summer",
        "my plan renewed although I had ended it",
        "how do I move from the basic plan to the family plan",
    ),
}
URGENCIES = {
    "high": (
        "this is urgent",
        "I need an answer today",
        "please help me right away",
        "I leave tomorrow morning and cannot wait",
    ),
    "normal": (
        "could you look into it, please",
        "what should I do now",
        "can you tell me the next step",
        "please let me know how we can fix this",
    ),
    "low": (
        "there is no hurry",
        "take your time",
        "whenever you get around to it",
        "it can wait until next month",
    ),
}
ACTION = {
    "delivery": "We are tracing your parcel",
    "billing": "We are checking your payment",
    "account": "We are restoring your access",
    "returns": "We are preparing your return",
    "damage": "We are sending a replacement",
    "subscription": "We are updating your plan",
}
PROMISE = {
    "high": "will call you within the hour",
    "normal": "will write to you tomorrow",
    "low": "will be in touch next week",
}
GREETINGS = ("", "", "Hi, ", "Hello, ", "Hi there, ", "Good morning, ")
CLOSINGS = ("", "", "", " Thanks!", " Thank you.")
TRAIN_ROWS, HELD_OUT_ROWS = 240, 40


def message(rng: random.Random, issue: str, urgency: str) -> str:
    """Return a customer's message: an optional greeting, the issue, the urgency, optional thanks."""
    greeting = rng.choice(GREETINGS)
    start = greeting + issue if greeting else _capitalize(issue)
    return f"{start}{_end_mark(issue)} {_capitalize(urgency)}{_end_mark(urgency)}{rng.choice(CLOSINGS)}"


def answer(topic: str, urgency: str) -> str:
    reply = f"{ACTION[topic]} and {PROMISE[urgency]}."
    return json.dumps({"topic": topic, "urgency": urgency, "reply": reply}, separators=(",", ":"))


def rows(seed: int = 11) -> list[dict[str, list[dict[str, str]]]]:
    """Return 280 rows without a repeated (issue, urgency) pair, so that held-out pairs are new."""
    rng = random.Random(seed)  # noqa: S311 - text, not secrets
    issues = [(topic, wording) for topic, wordings in TOPICS.items() for wording in wordings]
    urgencies = [(level, wording) for level, wordings in URGENCIES.items() for wording in wordings]
    pairs = list(itertools.product(issues, urgencies))
    result = []
    for (topic, issue), (level, wording) in rng.sample(pairs, TRAIN_ROWS + HELD_OUT_ROWS):
        turns = (("user", message(rng, issue, wording)), ("assistant", answer(topic, level)))
        result.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    return result


def main() -> None:
    all_rows, folder = rows(), Path(__file__).parent
    for name, part in (("triage.jsonl", all_rows[:TRAIN_ROWS]), ("triage-heldout.jsonl", all_rows[TRAIN_ROWS:])):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (folder / name).write_text("".join(lines), encoding="utf-8")


def _capitalize(text: str) -> str:
    return text[0].upper() + text[1:]


def _end_mark(text: str) -> str:
    return "?" if text.startswith(("how ", "what ", "can ", "could ")) else "."


if __name__ == "__main__":
    main()
