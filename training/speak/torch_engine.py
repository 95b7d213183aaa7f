"""From a model folder to text with torch: the engines behind the teller, and how a token is chosen.

It does not know what may be said: who asks, chooses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from training.learn.batches import once
from training.learn.finetune import has_bf16
from training.learn.loss import token_losses
from training.models import model_dir
from training.speak.gpt2 import Gpt2, is_plain_gpt2
from training.speak.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from training.learn.batches import Batch

UNBOUNDED = 2048  # the context granted to a model that names none (ALiBi and its like)
TOGETHER = 512  # tokens weighed at once: GPT-2's logits for them are 100 MB
MOST, MOST_ON_GPU = 32, 256  # rows that grow together: GPT-2's cache for them is 260 MB, and 1 GB on a GPU


class TorchSampler(Sampler):
    """A loaded model that speaks; keep it, since loading is the slow part."""

    def __init__(
        self, model: Any, tokenizer: Any, tags: Mapping[str, str] | None = None, *, kind: torch.dtype | None = None
    ) -> None:
        """`tags`: per author, what stands before each of his texts. What the model learns later is not all heard.

        `kind`: of the weights' numbers; bf16 where the chip multiplies it faster, if nothing is said.
        """
        end = tokenizer.eos_token_id
        start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        kind = kind or fastest(model.device)
        engine = Gpt2Engine(model, kind) if is_plain_gpt2(model) else TransformersEngine(model)
        super().__init__(engine, tokenizer.backend_tokenizer, start=start, end=end, tags=tags)

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", threads: int = 0) -> TorchSampler:
        """`threads` bounds torch's processor threads, 0 leaves them to torch."""
        if threads:
            torch.set_num_threads(threads)
        loaded = model_dir.load(folder, device=device)
        return cls(loaded.model, loaded.tokenizer, loaded.manifest.tags)


class Gpt2Engine:
    """GPT-2 by `gpt2.py`."""

    def __init__(self, model: Any, kind: torch.dtype) -> None:
        self._model = Gpt2(model, kind)
        self.context = context_of(model)
        self.most = _most(model)

    @torch.inference_mode()
    def begin(self, ids: Sequence[int], rows: int, room: int) -> Rows:
        model, cache = self._model, self._model.cache(rows, len(ids) + room)

        def go_on(tokens: torch.Tensor, kept: Sequence[int]) -> torch.Tensor:
            cache.keep(kept)
            return model.logits(model.read(tokens, cache)[:, -1])

        said = go_on(torch.tensor([ids], device=model.device), [0])  # the beginning is read once for all
        cache.repeat(rows)
        return Rows(said.expand(rows, -1), go_on)

    @torch.inference_mode()
    def log_likelihoods(self, begun: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        def surprise_of(batch: Batch) -> torch.Tensor:
            hidden = self._model.read(batch.inputs.to(self._model.device)).flatten(0, 1)[batch.wanted]
            targets = batch.targets.flatten()[batch.wanted].to(hidden.device)
            return cross_entropy(self._model.logits(hidden).float(), targets, reduction="none")

        return _weigh(begun, tails, surprise_of)


class TransformersEngine:
    """Whatever transformers knows, by its own cache."""

    def __init__(self, model: Any) -> None:
        self._model = model.eval()  # dropout while speaking was one of the reference's mistakes
        self.context = context_of(model)
        self.most = _most(model)

    @torch.inference_mode()
    def begin(self, ids: Sequence[int], rows: int, room: int) -> Rows:  # noqa: ARG002  it grows as it goes
        model, cache = self._model, DynamicCache(config=self._model.config)

        def go_on(tokens: torch.Tensor, kept: Sequence[int]) -> torch.Tensor:
            if cache.get_seq_length():
                cache.batch_select_indices(torch.tensor(kept, device=model.device))
            return model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]

        said = go_on(torch.tensor([ids], device=model.device), [0])
        cache.batch_repeat_interleave(rows)
        return Rows(said.expand(rows, -1), go_on)

    @torch.inference_mode()
    def log_likelihoods(self, begun: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        return _weigh(begun, tails, lambda batch: token_losses(self._model, batch.to(self._model.device)))


class Rows:
    """What the model foresees for rows that grow together."""

    def __init__(self, logits: torch.Tensor, go_on: Callable[[torch.Tensor, Sequence[int]], torch.Tensor]) -> None:
        self._logits = logits  # (rows, pieces)
        self._go_on = go_on

    @torch.inference_mode()
    def choose(self, dice: Sequence[Callable[[], float]], temperature: float, top_p: float) -> list[tuple[int, float]]:
        # one row's numbers stay in a processor's cache, those of all rows do not; a GPU takes all at once
        size = 1 if self._logits.device.type == "cpu" else len(dice)
        chosen: list[tuple[int, float]] = []
        for start in range(0, len(dice), size):
            logits = self._logits[start : start + size].float()
            mass = logits.softmax(-1)
            if temperature == 0:
                tokens = mass.argmax(-1, keepdim=True)
            else:
                sharpened = mass if temperature == 1 else (logits / temperature).softmax(-1)
                tokens = draw(sharpened, dice[start : start + size], top_p)
            gained = mass.gather(1, tokens).log()
            chosen += zip(tokens.squeeze(1).tolist(), gained.squeeze(1).tolist(), strict=True)
        return chosen

    @torch.inference_mode()
    def go_on(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        self._logits = self._go_on(torch.tensor(tokens, device=self._logits.device)[:, None], kept)


def draw(mass: torch.Tensor, dice: Sequence[Callable[[], float]], top_p: float) -> torch.Tensor:
    """A token for each row, from the likeliest that together have a mass of `top_p`; nothing is sorted: (rows, 1).

    One is drawn from all. Where those that are likelier than it have that mass already, it is outside, and so is all
    that is not likelier: another is drawn from those. What is left gets smaller each time, and never loses a token
    that is inside, so each of these comes as often as its mass says.
    """
    chosen = torch.empty(len(mass), 1, dtype=torch.long, device=mass.device)
    rows = list(range(len(mass)))
    while rows:
        sums = mass.cumsum(-1)
        thrown = torch.tensor([[dice[row]()] for row in rows], device=mass.device)
        drawn = torch.searchsorted(sums, thrown * sums[:, -1:])  # never one of no mass: nothing thrown is 0
        chosen[rows] = drawn
        if top_p >= 1:
            break
        likelier = mass * (mass > mass.gather(1, drawn))
        before = likelier.sum(-1)
        outside = ((before >= top_p) & (before > 0)).nonzero().squeeze(1)  # the likeliest is inside, always
        mass, rows = likelier[outside], [rows[place] for place in outside.tolist()]
    return chosen


def fastest(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if has_bf16(device) else torch.float32


def context_of(model: Any) -> int:
    """How many tokens it reads."""
    return getattr(model.config, "max_position_embeddings", None) or UNBOUNDED


def _most(model: Any) -> int:
    return MOST if model.device.type == "cpu" else MOST_ON_GPU


def _weigh(
    begun: Sequence[int], tails: Sequence[Sequence[int]], surprise_of: Callable[[Batch], torch.Tensor]
) -> list[float]:
    """Tails of like length share a batch."""
    order = sorted(range(len(tails)), key=lambda number: len(tails[number]))
    told: list[float] = []
    for batch in once([[*begun, *tails[number]] for number in order], TOGETHER):
        rows, length = batch.inputs.shape
        wanted = batch.wanted[batch.wanted % length >= len(begun) - 1]
        nats = surprise_of(replace(batch, wanted=wanted)).cpu()
        told += torch.zeros(rows).index_add(0, wanted // length, -nats).tolist()
    return [told[place] for place in sorted(range(len(order)), key=order.__getitem__)]
