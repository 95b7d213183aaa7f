"""From a model folder to text: batched decoding with a key-value cache, the same drafts for the same seed.

It does not know what may be said: who asks, chooses.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache

from training import model_dir
from training.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD = 2_048  # tokens
UNBOUNDED = 2048  # the context granted to a model that names none (ALiBi and its like)


@dataclass(frozen=True, slots=True)
class Sample:
    """One text, the prompt included."""

    text: str
    likelihood: float  # mean log-likelihood per new token in nats, the end included, before any filter
    finished: bool  # the model ended it; False: cut off at the limit


class Sampler:
    """A loaded model that speaks; keep it, since loading is the slow part."""

    def __init__(self, model: Any, tokenizer: Any, tags: Mapping[str, str] | None = None) -> None:
        """`tags`: per author, what stands before each of his texts."""
        self._model = model.eval()  # dropout while speaking was one of the reference's mistakes
        self._tokenizer = tokenizer
        self._tags = {author: self._spell(tag) for author, tag in (tags or {}).items()}
        self._end: int = tokenizer.eos_token_id
        self._start: int = self._end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        self._context: int = getattr(model.config, "max_position_embeddings", None) or UNBOUNDED

    @classmethod
    def open(cls, folder: Path, *, device: str = "auto", threads: int = 0) -> Sampler:
        """`threads` bounds torch's processor threads, 0 leaves them to torch."""
        if threads:
            torch.set_num_threads(threads)
        loaded = model_dir.load(folder, device=device)
        return cls(loaded.model, loaded.tokenizer, loaded.manifest.tags)

    def draft(
        self,
        prompt: str,
        *,
        n: int,
        seed: int,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = model_dir.MAX_NEW_TOKENS,
        author: str | None = None,
    ) -> list[Sample]:
        """`n` continuations of the prompt; temperature 0 takes the likeliest token each time.

        A model that knows its authors apart speaks as `author`, or as whom the seed chooses for each text.
        """
        said = self._encode(prompt)
        choose = _Choice(temperature, top_p, torch.Generator(self._model.device).manual_seed(seed))
        voices = self._voices(author, n, seed)
        samples: dict[int, Sample] = {}
        for voice in sorted(set(voices)):
            places = [place for place, chosen in enumerate(voices) if chosen == voice]
            begun = [self._start, *self._tags.get(voice, []), *said[1:]]
            drafts = self._continue(begun, len(said) - 1, len(places), max_tokens, choose)
            samples.update(zip(places, drafts, strict=True))
        return [samples[place] for place in range(n)]

    def _voices(self, author: str | None, n: int, seed: int) -> list[str]:
        """Who speaks in each row; nobody in particular where the model knows no authors."""
        if author is None:
            return random.Random(seed).choices(sorted(self._tags), k=n) if self._tags else [""] * n
        if not self._tags:
            raise ModelError(f"The model cannot speak as @{author} alone: `training.tags` teaches the next one to.")
        if author not in self._tags:
            raise ModelError(f"The model does not know @{author}, only @{', @'.join(sorted(self._tags))}.")
        return [author] * n

    def _continue(self, begun: list[int], shown: int, n: int, max_tokens: int, choose: _Choice) -> list[Sample]:
        """`shown`: how many of the last tokens of `begun` are part of the text."""
        room = min(max_tokens, self._context - len(begun))
        if room < 1:
            raise ModelError(f"The prompt has {len(begun)} tokens and the model reads {self._context}: shorten it.")
        with torch.inference_mode():
            tails, scores = self._decode(begun, n, room, choose)
        prompt = begun[len(begun) - shown :]
        return [self._sample(prompt, tail, score) for tail, score in zip(tails, scores, strict=True)]

    def _encode(self, prompt: str) -> list[int]:
        # a trailing space would be a token of its own, where the model has only seen " word" as one piece
        return [self._start, *self._spell(prompt.strip())]

    def _spell(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
        return ids

    def _decode(self, begun: list[int], n: int, room: int, choose: _Choice) -> tuple[list[list[int]], list[float]]:
        """The new tokens of each row, and the sum of their log-likelihoods."""
        cache = DynamicCache(config=self._model.config)
        logits = self._step(torch.tensor([begun]), cache).expand(n, -1)  # the prompt is read once for all
        cache.batch_repeat_interleave(n)
        tails: list[list[int]] = [[] for _ in range(n)]
        scores = [0.0] * n
        rows = list(range(n))  # who is still in the batch
        for step in range(1, room + 1):
            chosen = choose(logits)  # (rows, 1)
            gained = logits.log_softmax(-1).gather(1, chosen).squeeze(1).tolist()
            for row, token, score in zip(rows, chosen.squeeze(1).tolist(), gained, strict=True):
                tails[row].append(token)
                scores[row] += score
            going = [place for place, row in enumerate(rows) if tails[row][-1] != self._end]
            if not going or step == room:
                break
            if len(going) < len(rows):  # finished rows leave at once
                kept = torch.tensor(going, device=chosen.device)
                cache.batch_select_indices(kept)
                rows, chosen = [rows[place] for place in going], chosen[kept]
            logits = self._step(chosen, cache)
        return tails, scores

    def _step(self, ids: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        seen = self._model(ids.to(self._model.device), past_key_values=cache, use_cache=True, logits_to_keep=1)
        return seen.logits[:, -1].float()  # (rows, vocabulary)

    def _sample(self, prompt: list[int], tail: list[int], score: float) -> Sample:
        finished = tail[-1] == self._end
        said = prompt + (tail[:-1] if finished else tail)
        # "clean up" would rewrite the person's own spacing: "Bonjour !" would lose its space
        text = self._tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Sample(text.strip(), score / len(tail), finished)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which token comes next in each row."""

    temperature: float
    top_p: float
    chance: torch.Generator

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        if self.temperature == 0:
            return logits.argmax(-1, keepdim=True)
        mass = (logits / self.temperature).softmax(-1)
        dice = torch.rand(len(mass), 1, generator=self.chance, device=mass.device)
        head, tokens = mass.topk(min(HEAD, mass.shape[-1]), -1)  # the likeliest first; sorting all takes far longer
        chosen = self._pick(head, tokens, dice)
        if len(flat := (head.sum(-1) < self.top_p).nonzero().squeeze(1)):  # seldom: rows that need more than the head
            chosen[flat] = self._pick(*mass[flat].sort(-1, descending=True), dice[flat])
        return chosen

    def _pick(self, likely: torch.Tensor, tokens: torch.Tensor, dice: torch.Tensor) -> torch.Tensor:
        before = likely.cumsum(-1) - likely  # the mass of all likelier tokens; the first token always stays
        mass = likely.masked_fill(before >= self.top_p, 0.0).cumsum(-1)
        return tokens.gather(1, torch.searchsorted(mass, dice * mass[:, -1:]))
