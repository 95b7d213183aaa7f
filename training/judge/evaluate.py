"""The evaluation of a model: held-out bits per character, and how its samples compare with the author's tweets.

gate.py decides what is good enough.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training.corpus.corpus import newest_last
from training.errors import ModelError
from training.judge import copying, ngram_floor, similarity
from training.judge.choosing import Profile, choose_posts
from training.judge.likeness import voice_likeness
from training.judge.report import Report
from training.learn.batches import encode, spell
from training.learn.finetune import total_loss
from training.models import loading, model_dir
from training.models.base_model import SCRATCH, context_of, load_base
from training.profile.memory import Memory
from training.profile.person import FLAWS, Person
from training.recipe import recipe_for
from training.speak.torch_engine import TorchSampler
from training.speak.types import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from training.corpus.corpus import Corpus, Text
    from training.judge.choosing import Choose
    from training.speak.types import Sample

    Progress = Callable[[int, int], None]

BATCH_TOKENS = 4_096  # only speed and memory depend on it
SAMPLES = 256  # a share of them has an error of 6 points at most; two seconds of one core (benchmarks/judgement.py)
BATCH_SAMPLES = 64  # at once: GPT-2 needs 0.5 GB for them
LIMIT = 280  # characters in a post on X
SAMPLING = Sampling()
NEW_SEED = 1_000_003  # added to the seed of a training: its drafts are those that the discriminator was fitted to
OVERLAP = 0.02  # the share of the held-out tweets that the current model may have been trained on to be compared


def evaluate(
    model: Any,
    tokenizer: Any,
    corpus: Corpus,
    *,
    context: int,
    seed: int,
    drafts: Sequence[Sample],
    base_bits: float | None = None,
    current_bits: float | None = None,
    length: Callable[[str], int] = len,
    person: Person | None = None,
    posts: Sequence[Sample] | None = None,
) -> Report:
    """`drafts` are the model's samples (see `speak`), `length` is a text's length as X counts it.

    `posts` are the drafts that the bot would choose; without them, all drafts are judged. Copies are always counted in
    all drafts: the screen refuses them, and so hides what the model has learnt by heart. `person` knows the words of
    the person's tweets. `base_bits` and `current_bits` come from `bits_of` and `bits_in_use`. Long: each figure
    of the report has a line here.
    """
    train = [text.text for text in corpus.train]
    held_out = [text.text for text in corpus.held_out]
    samples = [draft.text for draft in (drafts if posts is None else posts)]
    every = [draft.text for draft in drafts]
    person = person or Person()
    own = random.Random(seed).sample([*train, *held_out], len(train) + len(held_out))
    most = min(similarity.count_words(samples), similarity.count_words(own))
    lengths, own_lengths = [length(text) for text in samples], [length(text) for text in own]
    return Report(
        seed=seed,
        samples=len(samples),
        learnt=len(train),
        held_out=len(held_out),
        bits_per_character=bits_of(model, tokenizer, corpus.held_out, context=context, tags=corpus.tags),
        base_bits=base_bits,
        current_bits=current_bits,
        ngram_bits=ngram_floor.bits_per_character(train, held_out),
        copied=copying.share_with_run(every, train),
        copied_author=_copied_by_author(held_out, train, sum(corpus.overlap.values())),
        exact=copying.share_exact(every, train),
        overlong=sum(one > LIMIT for one in lengths) / max(len(lengths), 1),
        overlong_author=sum(one > LIMIT for one in own_lengths) / max(len(own_lengths), 1),
        unfinished=sum(not draft.finished for draft in drafts) / max(len(drafts), 1),
        lengths=similarity.histogram(lengths),
        lengths_author=similarity.histogram(own_lengths),
        length_distance=similarity.length_distance(lengths, own_lengths),
        distinct=similarity.distinct(samples, most),
        distinct_author=similarity.distinct(own, most),
        told_apart=similarity.detector_auc(samples, held_out, seed=seed),
        told_apart_author=similarity.detector_auc(train, held_out, seed=seed),
        likeness=voice_likeness(samples, newest_last(corpus.train), held_out),
        drafts=len(drafts),
        flaws=_flaws(samples, person),
        flaws_author=_flaws(held_out, person),
    )


def judge_again(
    version: Path,
    in_use: Path | None,
    corpus: Corpus,
    *,
    device: str,
    seed: int,
    samples: int,
    length: Callable[[str], int] = len,
    sampling: Sampling = SAMPLING,
    choose: Choose | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate an older version on those of today's held-out tweets that it was not trained on."""
    profile = Profile.open(version)
    fresh = tuple(text for text in corpus.held_out if not profile.memory.said(text.text))
    if not fresh:
        raise ModelError(f"{version.name} was trained on all tweets that it could be evaluated on: import newer ones.")
    loaded = loading.load(version, device=device)
    manifest = loaded.manifest
    context = min(recipe_for(manifest.base_model).shape.context, context_of(loaded.model))
    drafts = speak(
        loaded.model,
        loaded.tokenizer,
        manifest.tags,
        count=samples,
        seed=seed + NEW_SEED,
        sampling=sampling,
        progress=progress,
    )
    other = None if in_use is None or in_use.name == version.name else in_use
    return evaluate(
        loaded.model,
        loaded.tokenizer,
        replace(corpus, held_out=fresh, tags=manifest.tags),
        context=context,
        seed=seed,
        drafts=drafts,
        posts=choose_posts(drafts, profile, choose) if choose else None,
        person=profile.person,
        base_bits=_bits_of_base(manifest.base_model, fresh, context=context, device=device),
        current_bits=bits_in_use(other, fresh, context=context, device=device),
        length=length,
    )


def _flaws(texts: Sequence[str], person: Person) -> tuple[float, float, float] | None:
    """The shares of the texts with a non-word, cut off, with a repeated clause; None without texts."""
    if not texts:
        return None
    every = [person.flaws(text) for text in texts]
    non_words, cut_off, repeated = (sum(flaw in flaws for flaws in every) / len(every) for flaw in FLAWS)
    return non_words, cut_off, repeated


def _copied_by_author(held_out: Sequence[str], train: Sequence[str], repeated: int) -> float | None:
    """`repeated` of the newest tweets are not held out, as near-duplicates of training tweets: they count as copies."""
    if not held_out:
        return None
    return (copying.share_with_run(held_out, train) * len(held_out) + repeated) / (len(held_out) + repeated)


def speak(
    model: Any,
    tokenizer: Any,
    tags: Mapping[str, str],
    *,
    count: int,
    seed: int,
    sampling: Sampling = SAMPLING,
    progress: Progress | None = None,
) -> list[Sample]:
    """Samples without a prompt; the same for the same seed. `progress` gets (done, of) after each batch."""
    sampler = TorchSampler(model, tokenizer, tags)
    samples: list[Sample] = []
    for turn, done in enumerate(range(0, count, BATCH_SAMPLES)):
        samples += sampler.draft("", n=min(BATCH_SAMPLES, count - done), seed=seed + turn, sampling=sampling)
        if progress:
            progress(len(samples), count)
    return samples


def bits_of(
    model: Any, tokenizer: Any, texts: Sequence[Text], *, context: int, tags: Mapping[str, str] | None = None
) -> float | None:
    """Bits per character of each text after its author's tag, if the model has tags; None without texts."""
    if not texts:
        return None
    prefixes = [(tags or {}).get(text.author, "") for text in texts]
    return bits_per_character(model, tokenizer, [text.text for text in texts], context=context, tags=prefixes)


def bits_in_use(version: Path | None, texts: Sequence[Text], *, context: int, device: str) -> float | None:
    """Bits per character of the current model; None if it is missing or damaged.

    Also None if it was trained on too many of these texts, which would flatter it.
    """
    if version is None or not texts:
        return None
    try:
        memory = Memory.open(version)
        if sum(memory.said(text.text) for text in texts) > OVERLAP * len(texts):
            return None
        loaded = loading.load(version, device=device)
    except ModelError:
        return None
    room = min(context, context_of(loaded.model))
    return bits_of(loaded.model, loaded.tokenizer, texts, context=room, tags=loaded.manifest.tags)


def _bits_of_base(name: str, texts: Sequence[Text], *, context: int, device: str) -> float | None:
    """None where the version has no base, or its base is no longer available."""
    if name == SCRATCH:
        return None
    try:
        model, tokenizer = load_base(name, texts=(), shape=recipe_for(name).shape, seed=0)
    except ModelError:
        return None
    model.to(model_dir.pick_device(device))
    return bits_of(model, tokenizer, texts, context=min(context, context_of(model)))


def bits_per_character(
    model: Any, tokenizer: Any, texts: Sequence[str], *, context: int, tags: Sequence[str] = ()
) -> float:
    """Bits per character of each tweet alone, including its end token; comparable between tokenizers.

    `tags`: one for each text, or none at all; the bits of a tag are not counted.
    """
    rows = encode(tokenizer, texts, context, tags)
    if not rows:
        return math.nan
    pieces = dict(zip(tags, spell(tokenizer, tags), strict=True))  # of each different tag
    nats, _ = total_loss(model, rows, BATCH_TOKENS)
    for tag, times in Counter(tag for tag in tags if tag).items():
        tag_nats, _ = total_loss(model, [[rows[0][0], *pieces[tag]]], BATCH_TOKENS)
        nats -= tag_nats * times
    begins = [1 + len(pieces[tag]) for tag in tags] or [1] * len(rows)
    # of a tweet cut at the context, the characters that were read count
    read = (row[begin:] for row, begin in zip(rows, begins, strict=True))
    decoded = (tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in read)
    return nats / math.log(2) / sum(map(len, decoded))
