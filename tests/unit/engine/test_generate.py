"""Continuous batching gives the answers of transformers' generate, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from shared.engine.decoding.generate import (
    ContinuousBatch,
    Request,
    Step,
    decode,
    generate_all,
    prefills_in_chunks,
)
from shared.engine.decoding.sampling import Sampler, SamplingParams
from shared.engine.process.protocol import EngineError

PROMPTS = [[5, 9, 40, 70], [100], list(range(20, 90, 3)), [7, 7, 7], [200, 4, 130, 61, 62, 63, 64]]


def reference(model: Any, prompt: list[int], new: int, stop: list[int], **options: Any) -> list[int]:
    """transformers' greedy answer without its stop token."""
    ids = torch.tensor([prompt])
    output = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=new,
        eos_token_id=stop,
        pad_token_id=3,
        **options,
    )
    answer: list[int] = output[0, len(prompt) :].tolist()
    return answer[:-1] if answer[-1] in stop else answer


def likely_stop(model: Any) -> list[int]:
    """A token that some of the answers contain and others do not, so that rows end at different steps."""
    answers = [set(reference(model, prompt, 40, [1])) for prompt in PROMPTS]
    counts = {token: sum(token in answer for answer in answers) for answer in answers for token in answer}
    return [next(token for token, count in sorted(counts.items()) if 0 < count < len(PROMPTS))]


def test_greedy_equals_transformers_in_a_batch_of_different_lengths(model: Any) -> None:
    stop = likely_stop(model)
    answers = generate_all(model, PROMPTS, stop_ids=stop, max_new_tokens=40)
    assert [answer.ids for answer in answers] == [reference(model, prompt, 40, stop) for prompt in PROMPTS]
    assert {answer.finish_reason for answer in answers} == {"stop", "length"}


def random_model(kind: str, **options: Any) -> Any:
    """A tiny model of another architecture, with random weights."""
    sizes = {"vocab_size": 320, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "pad_token_id": 0}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.15, "eos_token_id": 1}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **sizes, **heads, bos_token_id=None, max_position_embeddings=512, **options)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def test_greedy_equals_transformers_with_sliding_windows() -> None:
    layers = ["sliding_attention", "full_attention"]
    model = random_model("gemma3_text", head_dim=16, sliding_window=8, layer_types=layers)
    answers = generate_all(model, PROMPTS, stop_ids=[1], max_new_tokens=30)
    assert [answer.ids for answer in answers] == [reference(model, prompt, 30, [1]) for prompt in PROMPTS]


def test_model_with_recurrent_layers_decodes_without_a_cache() -> None:
    model = random_model("lfm2", layer_types=["conv", "full_attention"])
    answers = generate_all(model, PROMPTS, stop_ids=[1], max_new_tokens=12)
    assert [answer.ids for answer in answers] == [
        reference(model, prompt, 12, [1], use_cache=False) for prompt in PROMPTS
    ]


def seedling() -> Any:
    return AutoModelForCausalLM.from_pretrained(Path("services/training/seedling"), dtype=torch.float32).eval()


def experts_with_sliding_windows() -> Any:
    return random_model("mixtral", num_local_experts=4, sliding_window=8)


def row_of(steps: list[Step], index: int) -> tuple[list[int], list[float]]:
    """A row's tokens and the log-probabilities of the likeliest five, in order."""
    row = [step for step in steps if step.index == index]
    return [step.token for step in row], [value for step in row for _, value in step.logprobs]


@pytest.mark.parametrize("make", [seedling, experts_with_sliding_windows])
def test_prompt_in_chunks_has_the_answer_of_one_pass_while_another_row_decodes(make: Any) -> None:
    model = make()
    assert prefills_in_chunks(model)
    short, long = Request(PROMPTS[0], 12, logprobs=5), Request([7 + 3 * i % 250 for i in range(140)], 12, logprobs=5)
    batch, chunks, added = ContinuousBatch(model, ()), 0, None
    steps, prompt = batch.add([short]), batch.prepare([long])
    while added is None:
        steps += batch.step()
        added, chunks = batch.prefill(prompt, 32), chunks + 1
    steps += added
    while batch.active_rows:
        steps += batch.step()
    assert chunks == 5
    for index, request in enumerate((short, long)):
        tokens, values = row_of([step for group in decode(model, [request], stop_ids=()) for step in group], 0)
        found, found_values = row_of(steps, index)
        assert found == tokens
        assert found_values == pytest.approx(values, abs=1e-4)


def recurrent() -> Any:
    return random_model("lfm2", layer_types=["conv", "full_attention"])


@pytest.mark.parametrize(
    ("make", "columns"), [(seedling, None), (seedling, 32), (experts_with_sliding_windows, 50), (recurrent, None)]
)
def test_scores_of_a_prompt_are_those_of_a_plain_pass(make: Any, columns: int | None) -> None:
    model, ids = make(), [7 + 3 * i % 250 for i in range(140)]
    batch = ContinuousBatch(model, (), None)
    batch.add([Request(PROMPTS[0], 20)])
    prompt, steps = batch.prepare([Request(ids, 1, logprobs=2, scores_prompt=True)] * 2), None
    while steps is None:
        steps = batch.prefill(prompt, columns)
        batch.step()
    with torch.inference_mode():
        plain = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float().log_softmax(-1)
    for step in steps:
        own = [likely[0] for likely in step.prompt_logprobs]
        assert [token for token, _ in own] == ids[1:]
        values = [float(plain[place, token]) for place, token in enumerate(ids[1:])]
        assert [value for _, value in own] == pytest.approx(values, abs=1e-4)
        best = plain[:-1].topk(2).values.tolist()
        assert [[value for _, value in likely[1:]] for likely in step.prompt_logprobs] == [
            pytest.approx(row, abs=1e-4) for row in best
        ]
        assert step.logprobs[0][1] == pytest.approx(float(plain[-1].max()), abs=1e-4)


def test_a_model_without_a_cache_takes_prompts_whole() -> None:
    assert not prefills_in_chunks(random_model("lfm2", layer_types=["conv", "full_attention"]))


def test_token_budget_does_not_change_answers(model: Any) -> None:
    stop = likely_stop(model)
    whole = generate_all(model, PROMPTS, stop_ids=stop, max_new_tokens=20)
    assert generate_all(model, PROMPTS, stop_ids=stop, max_new_tokens=20, batch_tokens=50) == whole


def test_repetition_penalty_equals_transformers(model: Any) -> None:
    sampling = SamplingParams(repetition_penalty=1.3)
    answers = generate_all(model, PROMPTS, stop_ids=[1], max_new_tokens=30, sampling=sampling)
    expected = [reference(model, prompt, 30, [1], repetition_penalty=1.3) for prompt in PROMPTS]
    assert [answer.ids for answer in answers] == expected


def test_row_added_later_answers_as_if_alone(model: Any) -> None:
    alone = [answer.ids for answer in generate_all(model, PROMPTS[:3], stop_ids=[], max_new_tokens=12)]
    batch = ContinuousBatch(model, [])
    steps = batch.add([Request(PROMPTS[0], 12)]) + batch.step() + batch.step()
    steps += batch.add([Request(PROMPTS[1], 12), Request(PROMPTS[2], 12)])
    while batch.active_rows:
        steps += batch.step()
    assert [[step.token for step in steps if step.index == i] for i in range(3)] == alone


def test_removed_row_does_not_affect_others(model: Any) -> None:
    alone = generate_all(model, PROMPTS[:1], stop_ids=[], max_new_tokens=10)[0].ids
    batch = ContinuousBatch(model, [])
    steps = batch.add([Request(PROMPTS[0], 10), Request(PROMPTS[2], 10)])
    batch.remove(1)
    while batch.active_rows:
        steps += batch.step()
    assert [step.token for step in steps if step.index == 0] == alone
    assert sum(step.index == 1 for step in steps) == 1


def test_seed_repeats_an_answer_in_any_batch(model: Any) -> None:
    request = Request(PROMPTS[0], 20, SamplingParams(temperature=1.0, top_p=0.9, top_k=50, seed=7))
    alone = [step.token for steps in decode(model, [request], stop_ids=[]) for step in steps]
    batch_requests = [Request(PROMPTS[2], 20, SamplingParams(temperature=1.0, seed=1)), request]
    in_batch = [step.token for steps in decode(model, batch_requests, stop_ids=[]) for step in steps if step.index == 1]
    other = Request(PROMPTS[0], 20, SamplingParams(temperature=1.0, seed=8))
    assert in_batch == alone
    assert [step.token for steps in decode(model, [other], stop_ids=[]) for step in steps] != alone


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("top_k", [0, 1, 5, 40, 99])
@pytest.mark.parametrize("top_p", [1e-6, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("penalty", [0.8, 1.0, 1.5])
def test_every_token_is_drawn_from_the_distribution_of_transformers(
    temperature: float, top_k: int, top_p: float, penalty: float
) -> None:
    prompt = [1, 3, 3, 7, 20]
    steps = [RepetitionPenaltyLogitsProcessor(penalty), TemperatureLogitsWarper(temperature)]
    steps += [TopKLogitsWarper(top_k)] if top_k else []
    steps += [TopPLogitsWarper(top_p)] if top_p < 1 else []
    generator = torch.Generator().manual_seed(5)
    options = {"top_k": top_k} if top_k else {}
    sampler = Sampler(SamplingParams(temperature, top_p, repetition_penalty=penalty, seed=5, **options), prompt, "cpu")
    for logits in torch.randn(20, 40, generator=torch.Generator().manual_seed(0)):
        scores = LogitsProcessorList(steps)(torch.tensor([prompt]), logits[None].clone())
        token = sampler.sample(logits)
        assert token == torch.multinomial(scores[0].softmax(-1), 1, generator=generator).item()
        sampler.accept(token)
        prompt.append(token)


def test_top_k_of_one_is_greedy(model: Any) -> None:
    greedy = generate_all(model, PROMPTS, stop_ids=[], max_new_tokens=8)
    sampling = SamplingParams(temperature=1.0, top_k=1, seed=0)
    assert generate_all(model, PROMPTS, stop_ids=[], max_new_tokens=8, sampling=sampling) == greedy
    sampling = SamplingParams(temperature=1.0, top_p=1e-6, seed=0)
    assert generate_all(model, PROMPTS, stop_ids=[], max_new_tokens=8, sampling=sampling) == greedy


def test_answer_without_limit_fills_the_context(model: Any) -> None:
    prompt = [5] * 500
    (answer,) = generate_all(model, [prompt], stop_ids=[])
    assert (len(answer.ids), answer.finish_reason) == (12, "length")


def test_prompt_that_fills_the_context_is_refused(model: Any) -> None:
    with pytest.raises(EngineError) as refused:
        generate_all(model, [[5] * 512], stop_ids=[])
    assert (refused.value.code, refused.value.fields["limit"]) == ("context_exceeded", 511)


def test_progress_counts_all_answers(model: Any) -> None:
    seen: list[tuple[int, int]] = []
    generate_all(model, PROMPTS, stop_ids=[], max_new_tokens=4, batch_tokens=30, on_progress=lambda *p: seen.append(p))
    assert seen[-1] == (5, 5)
    assert len(seen) > 1
    assert seen == sorted(seen)


def test_no_prompts_give_no_answers(model: Any) -> None:
    assert generate_all(model, [], stop_ids=[]) == []


def test_rows_stay_sorted_by_adapter(model: Any) -> None:
    """The model gets rows grouped by adapter, and every row continues its own text."""
    called: list[list[str | None]] = []

    class Adapted:
        config, device = model.config, model.device

        def __call__(self, *, adapters: list[str | None] = [], **inputs: Any) -> Any:  # noqa: B006
            called.append(list(adapters))
            return model(**inputs)

    batch = ContinuousBatch(Adapted(), ())
    answers: list[list[int]] = [[] for _ in PROMPTS]

    def take(steps: list[Step]) -> None:
        for step in steps:
            answers[step.index].append(step.token)

    for name, prompt, length in zip(("b", None, "a", "b", "a"), PROMPTS, (9, 12, 15, 6, 12), strict=True):
        take(batch.add([Request(prompt, length, adapter=name)]))
        take(batch.step())
    while batch.active_rows:
        take(batch.step())
    assert list(map(len, answers)) == [9, 12, 15, 6, 12]
    assert ["", "a", "a", "b", "b"] in [[name or "" for name in adapters] for adapters in called]
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        assert answer == reference(model, prompt, len(answer), [-1])
