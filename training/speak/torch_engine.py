"""Text from a model folder with torch: the engines behind the sampler, on a processor or a GPU."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from training.errors import UnknownArchitecture
from training.learn.batches import once
from training.learn.loss import token_losses
from training.learn.precision import has_bf16
from training.models import loading
from training.speak import nucleus
from training.speak.decoder import Decoder
from training.speak.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from training.learn.batches import Batch

UNBOUNDED = 2048  # the context of a model that names none (ALiBi and the like)
BATCH_TOKENS = 512  # scored at once: GPT-2's logits for them are 100 MB
MAX_ROWS, MAX_ROWS_ON_GPU = 32, 256  # that grow together: GPT-2's cache for them is 260 MB, and 1 GB on a GPU
CANDIDATES = 1024  # tokens of each row that are copied from a GPU; they mostly hold the nucleus


class TorchSampler(Sampler):
    """A loaded model. Reuse it, since loading takes longest."""

    def __init__(
        self, model: Any, tokenizer: Any, tags: Mapping[str, str] | None = None, *, dtype: torch.dtype | None = None
    ) -> None:
        """`tags`: per author, what precedes each of their texts. Later training of `model` may not be noticed.

        `dtype`: of the weights; by default bf16 where the chip multiplies it faster than fp32.
        """
        end = tokenizer.eos_token_id
        start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        engine = engine_of(model, dtype or fastest(model.device))
        super().__init__(engine, tokenizer.backend_tokenizer, start=start, end=end, tags=tags)

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", threads: int = 0) -> TorchSampler:
        """`threads` limits torch's processor threads; 0 leaves them to torch."""
        if threads:
            torch.set_num_threads(threads)
        loaded = loading.load(folder, device=device)
        return cls(loaded.model, loaded.tokenizer, loaded.manifest.tags)


def engine_of(model: Any, dtype: torch.dtype) -> DecoderEngine | TransformersEngine:
    """The engine that speaks the model."""
    try:
        return DecoderEngine(model, dtype)
    except UnknownArchitecture:
        return TransformersEngine(model, dtype)


class DecoderEngine:
    """A known architecture, by `decoder.py`."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        self._model = Decoder(model, dtype)
        self.context = context_of(model)
        self.max_rows = _max_rows(model)

    @torch.inference_mode()
    def begin(self, ids: Sequence[int], rows: int, max_tokens: int) -> Rows:
        model, cache = self._model, self._model.cache(rows, len(ids) + max_tokens)

        def advance(tokens: torch.Tensor, kept: Sequence[int]) -> torch.Tensor:
            cache.keep(kept)
            return model.logits(model.read(tokens, cache)[:, -1])

        logits = advance(torch.tensor([ids], device=model.device), [0])  # the prefix is read once for all rows
        cache.repeat(rows)
        return Rows(logits.expand(rows, -1), advance)

    @torch.inference_mode()
    def log_likelihoods(self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        def losses(batch: Batch) -> torch.Tensor:
            hidden = self._model.read(batch.inputs.to(self._model.device)).flatten(0, 1)[batch.positions]
            targets = batch.targets.flatten()[batch.positions].to(hidden.device)
            return cross_entropy(self._model.logits(hidden).float(), targets, reduction="none")

        return _score(prefix, continuations, losses)


class TransformersEngine:
    """Any causal model of transformers, with its own cache."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        model.eval()  # dropout during generation was one of the reference's mistakes
        self._model = model if model.dtype == dtype else deepcopy(model).to(dtype)
        self.context = context_of(model)
        self.max_rows = _max_rows(model)

    @torch.inference_mode()
    def begin(self, ids: Sequence[int], rows: int, max_tokens: int) -> Rows:  # noqa: ARG002  its cache grows as needed
        model, cache = self._model, DynamicCache(config=self._model.config)

        def advance(tokens: torch.Tensor, kept: Sequence[int]) -> torch.Tensor:
            if cache.get_seq_length():
                cache.batch_select_indices(torch.tensor(kept, device=model.device))
            return model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]

        logits = advance(torch.tensor([ids], device=model.device), [0])
        cache.batch_repeat_interleave(rows)
        return Rows(logits.expand(rows, -1), advance)

    @torch.inference_mode()
    def log_likelihoods(self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        return _score(prefix, continuations, lambda batch: token_losses(self._model, batch.to(self._model.device)))


class Rows:
    """The logits of rows that grow together."""

    def __init__(self, logits: torch.Tensor, advance: Callable[[torch.Tensor, Sequence[int]], torch.Tensor]) -> None:
        self._logits = logits  # (rows, pieces)
        self._advance = advance

    @torch.inference_mode()
    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        if self._logits.device.type == "cpu":
            return nucleus.choose(self._logits.float().numpy(), temperature, top_p, uniforms)
        return choose_from_likeliest(self._logits, temperature, top_p, uniforms)

    @torch.inference_mode()
    def advance(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        self._logits = self._advance(torch.tensor(tokens, device=self._logits.device)[:, None], kept)


def choose_from_likeliest(
    logits: torch.Tensor, temperature: float, top_p: float, uniforms: Sequence[Callable[[], float]]
) -> list[tuple[int, float]]:
    """`nucleus.choose` for logits on a GPU: of most rows, only the likeliest tokens are copied to the processor."""
    likelihoods = logits.float().log_softmax(-1)
    sharpened = likelihoods if temperature in {0, 1} else (likelihoods / temperature).log_softmax(-1)
    best, ids = sharpened.topk(min(CANDIDATES, sharpened.shape[-1]))  # (rows, candidates), the likeliest first
    mass, candidates = best.exp().cpu().numpy(), ids.cpu().numpy()
    tokens = []
    for row, uniform in enumerate(uniforms):
        if temperature == 0:
            tokens.append(int(candidates[row, 0]))
        elif top_p < 1 and mass[row].sum() >= top_p:
            tokens.append(int(candidates[row, nucleus.pick(mass[row], top_p, uniform(), total=1.0)]))
        else:
            tokens.append(nucleus.pick(sharpened[row].exp().cpu().numpy(), top_p, uniform()))
    nats = likelihoods.gather(1, torch.tensor(tokens, device=logits.device)[:, None]).squeeze(1)
    return list(zip(tokens, nats.tolist(), strict=True))


def fastest(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if has_bf16(device) else torch.float32


def context_of(model: Any) -> int:
    """How many tokens the model can read."""
    return getattr(model.config, "max_position_embeddings", None) or UNBOUNDED


def _max_rows(model: Any) -> int:
    return MAX_ROWS if model.device.type == "cpu" else MAX_ROWS_ON_GPU


def _score(
    prefix: Sequence[int], continuations: Sequence[Sequence[int]], losses: Callable[[Batch], torch.Tensor]
) -> list[float]:
    """The log-likelihood of each continuation; those of similar length share a batch."""
    order = sorted(range(len(continuations)), key=lambda number: len(continuations[number]))
    likelihoods: list[float] = []
    for batch in once([[*prefix, *continuations[number]] for number in order], BATCH_TOKENS):
        rows, length = batch.inputs.shape
        positions = batch.positions[batch.positions % length >= len(prefix) - 1]
        nats = losses(replace(batch, positions=positions)).cpu()
        likelihoods += torch.zeros(rows).index_add(0, positions // length, -nats).tolist()
    return [likelihoods[index] for index in sorted(range(len(order)), key=order.__getitem__)]
