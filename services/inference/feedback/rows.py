"""Which verdicts become rows of data, and the rows, in layouts that dataset uploads have. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.inference.feedback.models import DataSummary, Feedback, Kind, ModelVotes, StoredResponse


@dataclass
class Selection:
    """The verdicts that become rows, one for each, and how many others there are by reason."""

    verdicts: list[Feedback] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def summary(self) -> DataSummary:
        """Its counts."""
        total = len(self.verdicts) + self.left_out.total()
        return DataSummary(feedback=total, rows=len(self.verdicts), left_out=dict(sorted(self.left_out.items())))


def select(feedback: Sequence[Feedback]) -> Selection:
    """Select one verdict for each prompt with its answers: what most people say about them, the oldest such verdict.

    Where as many say the opposite, there is no row. A prompt that was asked twice with equal answers counts as one.
    """
    found, groups = Selection(), defaultdict[tuple[str, ...], list[Feedback]](list)
    for each in sorted(feedback, key=lambda each: (each.created_at, each.id)):
        if each.left_out:
            found.left_out[each.left_out] += 1
        else:
            groups[each.prompt_key, *sorted(each.answer_keys)].append(each)
    for group in groups.values():
        sides = defaultdict[tuple[str, str], list[Feedback]](list)
        for each in group:
            sides[each.verdict, each.answer_keys[0]].append(each)
        majority = max(sides.values(), key=len)
        if [len(side) for side in sides.values()].count(len(majority)) > 1:
            found.left_out["contradicted"] += len(group)
            continue
        found.verdicts.append(majority[0])
        found.left_out += Counter(repeated=len(majority) - 1, contradicted=len(group) - len(majority))
    return found


def to_row(feedback: Feedback, responses: Sequence[StoredResponse]) -> dict[str, Any]:
    """The row of a verdict: `preference` with chosen and rejected, or `messages/label`; and which models answered."""
    prompt = responses[0].prompt
    messages = prompt.pop("messages")
    if feedback.second is None:
        rated = {"messages": [*messages, responses[0].answer], "label": feedback.verdict == "good"}
        return {**rated, **prompt, "answered_by": feedback.models[0]}
    chosen, rejected = responses
    pair = {"prompt": messages, "chosen": [chosen.answer], "rejected": [rejected.answer]}
    return {**pair, **prompt, "chosen_model": feedback.models[0], "rejected_model": feedback.models[1]}


def of_kind(feedback: Sequence[Feedback], kind: Kind) -> list[Feedback]:
    """Those of one kind."""
    return [each for each in feedback if each.kind == kind]


def votes_by_model(feedback: Sequence[Feedback]) -> list[ModelVotes]:
    """The counts of each model, most verdicts first."""
    counts = defaultdict[str, Counter[str]](Counter)
    for each in feedback:
        names = {"preferred": ("wins", "losses"), "tie": ("ties", "ties")}.get(each.verdict, (each.verdict,))
        for model, name in zip(each.models, names, strict=True):
            counts[model][name] += 1
    found = [ModelVotes(model_id=model, **count) for model, count in counts.items()]
    return sorted(found, key=lambda votes: (-counts[votes.model_id].total(), votes.model_id))
