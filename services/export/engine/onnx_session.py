"""Greedy decoding of an exported ONNX model with onnxruntime, as in the model card."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.export.engine.prompts import NEW_TOKENS
from services.export.engine.runtimes import LogProbs, scores_of

Ids = NDArray[np.int64]


class OnnxModel:
    """An onnxruntime session on the CPU, with the shapes of the model's KV cache."""

    def __init__(self, path: Path, stop_ids: Sequence[int]) -> None:
        self._stop_ids = stop_ids
        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._past = [i for i in self._session.get_inputs() if i.name.startswith("past_key_values.")]

    def logits(self, ids: Sequence[int]) -> Tensor:
        """Compute the logits [tokens, vocabulary] of one row."""
        mask = np.ones((1, len(ids)), np.int64)
        logits, _ = self._step(np.array([ids]), mask, np.arange(len(ids))[None], self._empty_cache(1))
        return torch.from_numpy(logits[0])

    def answer_all(self, prompts: Sequence[list[int]], top: int) -> tuple[list[list[int]], list[list[LogProbs]]]:
        """Decode row by row; the log-probabilities are those of one pass over prompt and answer."""
        answers = [answer for row in prompts for answer in self.greedy([row])]
        return answers, [self._steps(row, answer, top) for row, answer in zip(prompts, answers, strict=True)]

    def score(self, prompt: list[int], answer: list[int]) -> list[float]:
        """By one pass."""
        return scores_of(self.logits(prompt + answer), len(prompt), answer)

    def _steps(self, prompt: list[int], answer: list[int], top: int) -> list[LogProbs]:
        found = self.logits(prompt + answer)[len(prompt) - 1 :].log_softmax(-1)
        likeliest = found[:NEW_TOKENS].topk(min(top, found.shape[-1]))
        pairs = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
        return [dict(zip(ids, values, strict=True)) for ids, values in pairs]

    def greedy(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Decode greedy answers to all prompts as one left-padded batch."""
        width = max(map(len, prompts))
        ids = np.array([[0] * (width - len(row)) + list(row) for row in prompts])
        mask = np.array([[0] * (width - len(row)) + [1] * len(row) for row in prompts])
        # Positions count from the first real token, so that padding does not shift them.
        positions, cache = np.maximum(mask.cumsum(1) - 1, 0), self._empty_cache(len(prompts))
        chosen = []
        for _ in range(NEW_TOKENS):
            logits, cache = self._step(ids, mask, positions, cache)
            ids = logits[:, -1].argmax(-1)[:, None]
            chosen.append(ids[:, 0])
            mask = np.pad(mask, ((0, 0), (0, 1)), constant_values=1)
            positions = positions[:, -1:] + 1
        return [_truncate_at_stop(row, self._stop_ids) for row in np.stack(chosen, 1).tolist()]

    def _empty_cache(self, rows: int) -> list[NDArray[np.float32]]:
        return [np.zeros((rows, past.shape[1], 0, past.shape[3]), np.float32) for past in self._past]

    def _step(
        self, ids: Ids, mask: Ids, positions: Ids, cache: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        named = {past.name: tensor for past, tensor in zip(self._past, cache, strict=True)}
        feed = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, **named}
        logits, *present = self._session.run(None, feed)
        return logits, present


def _truncate_at_stop(ids: list[int], stop_ids: Sequence[int]) -> list[int]:
    end = next((i for i, token in enumerate(ids) if token in stop_ids), len(ids))
    return ids[:end]
