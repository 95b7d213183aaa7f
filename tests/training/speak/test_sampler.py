"""The sampler, with an engine that reads its tokens from a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer

from training.errors import ModelError
from training.models import model_dir
from training.speak.sampler import LENGTH_CHECK_EVERY, Sampler
from training.speak.torch_engine import TorchSampler
from training.speak.types import RUN, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

END = 0
TAGS = {"ada": "ada: ", "bob": "bob, to be clear: "}


class Reciter:
    """An engine that gives fixed texts, one for each row, and counts its steps."""

    def __init__(self, pieces: Tokenizer, *texts: str, context: int = 160, max_rows: int = 8) -> None:
        self.context = context
        self.max_rows = max_rows
        self.steps = 0
        self.begun: list[list[int]] = []
        self._tails = [[*pieces.encode(text, add_special_tokens=False).ids, END] for text in texts]

    def begin(self, ids: Sequence[int], rows: int, max_tokens: int) -> Reciter:
        self.begun.append(list(ids))
        self._rows, self._position, self.steps = list(range(rows)), 0, 0
        return self

    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        return [(self._tails[row][self._position], -1.0) for row in self._rows]

    def advance(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        self._rows = [self._rows[number] for number in kept]
        assert list(tokens) == [self._tails[row][self._position] for row in self._rows]
        self._position += 1
        self.steps += 1

    def log_likelihoods(self, prefix: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        """Less likely for each token before."""
        self.begun.append(list(prefix))
        return [-float(len(prefix)) for _ in continuations]


@pytest.fixture(scope="module")
def pieces(model_folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(model_folder / "tokenizer.json"))


def sampler_of(pieces: Tokenizer, *texts: str, tags: dict[str, str] | None = None, context: int = 160) -> Sampler:
    return Sampler(Reciter(pieces, *texts, context=context), pieces, start=END, end=END, tags=tags)


def test_each_draft_is_yielded_as_soon_as_it_is_finished(pieces: Tokenizer) -> None:
    engine = Reciter(pieces, " is far longer than both", " b", " and so on")
    order, steps = [], []

    for number, sample in Sampler(engine, pieces, start=END, end=END).stream("My", n=3, seed=0):
        order.append((number, sample.text))
        steps.append(engine.steps)

    assert order == [(1, "My b"), (2, "My and so on"), (0, "My is far longer than both")]
    assert steps == sorted(set(steps))


def test_drafts_come_in_order(pieces: Tokenizer) -> None:
    drafts = sampler_of(pieces, " is far longer than both", " b", " and so on").draft("My", n=3, seed=0)

    assert [draft.text for draft in drafts] == ["My is far longer than both", "My b", "My and so on"]
    assert all(draft.finished for draft in drafts)


def test_more_drafts_than_rows_are_made_in_several_batches(pieces: Tokenizer) -> None:
    engine = Reciter(pieces, "good", "morning all", max_rows=2)

    drafts = Sampler(engine, pieces, start=END, end=END).draft("", n=5, seed=0)

    assert [draft.text for draft in drafts] == ["good", "morning all", "good", "morning all", "good"]
    assert len(engine.begun) == 3


def test_a_text_of_one_line_ends_with_the_line(pieces: Tokenizer) -> None:
    two_lines = sampler_of(pieces, " dream\nis a crumb")

    (whole,) = two_lines.draft("My\nown", n=1, seed=0)
    (line,) = two_lines.draft("My\nown", n=1, seed=0, sampling=Sampling(one_line=True))

    assert (whole.text, line.text) == ("My\nown dream\nis a crumb", "My\nown dream")
    assert line.finished


class Undecided(Reciter):
    """Where its texts have an "@" it comes nine times out of ten, and else the end."""

    def __init__(self, pieces: Tokenizer, *texts: str) -> None:
        super().__init__(pieces, *texts)
        self._at = pieces.token_to_id("@")

    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        tokens = [self._tails[row][self._position] for row in self._rows]
        return [
            (self._at if token == self._at and uniform() < 0.9 else END, -1.0) if self._position == 1 else (token, -1.0)
            for token, uniform in zip(tokens, uniforms, strict=True)
        ]


def test_a_mention_is_drawn_again_until_it_is_none(pieces: Tokenizer) -> None:
    drafted = Sampler(Undecided(pieces, *[".@", "a@"] * 4), pieces, start=END, end=END).draft

    plain = drafted("", n=8, seed=0)
    without = drafted("", n=8, seed=0, sampling=Sampling(no_mentions=True))

    assert [draft.text for draft in plain].count(".@") >= 3
    assert [draft.text for draft in without[::2]].count(".@") <= 1
    assert [draft.text for draft in without[1::2]] == [draft.text for draft in plain[1::2]]  # an address, perhaps


def test_a_text_is_cut_soon_after_it_is_too_long(pieces: Tokenizer) -> None:
    limit = 20
    too_long = Sampling(too_long=lambda text: len(text) > limit)
    engine = Reciter(pieces, " la" * 60)

    (cut,) = Sampler(engine, pieces, start=END, end=END).draft("My", n=1, seed=0, sampling=too_long)

    assert not cut.finished
    assert limit < len(cut.text) <= limit + len(" la") * LENGTH_CHECK_EVERY


def test_a_text_that_is_never_too_long_is_finished(pieces: Tokenizer) -> None:
    (whole,) = sampler_of(pieces, " la" * 30).draft("My", n=1, seed=0, sampling=Sampling(too_long=lambda _: False))

    assert whole.text == "My" + " la" * 30
    assert whole.finished


def test_a_text_is_cut_off_at_the_limit(pieces: Tokenizer) -> None:
    (cut,) = sampler_of(pieces, " crumb" * 9).draft("My", n=1, seed=0, sampling=Sampling(max_tokens=3))

    assert not cut.finished
    assert "My crumb".startswith(cut.text) or cut.text.startswith("My crumb")


def test_a_prompt_that_fills_the_context_is_refused(pieces: Tokenizer) -> None:
    with pytest.raises(ModelError, match=r"has \d+ tokens and the model reads 8: shorten it"):
        sampler_of(pieces, "", context=8).draft("crumb " * 20, n=1, seed=0)


def test_a_scored_text_follows_directly_after_the_given_text(pieces: Tokenizer) -> None:
    engine = Reciter(pieces)
    sampler = Sampler(engine, pieces, start=END, end=END)

    sampler.log_likelihoods([" a crumb"], given="My dream is")

    assert engine.begun == [[END, *pieces.encode("My dream is", add_special_tokens=False).ids]]


def test_of_a_given_text_longer_than_the_context_the_end_is_read(pieces: Tokenizer) -> None:
    engine = Reciter(pieces, context=12)
    story = pieces.encode("crumb " * 20, add_special_tokens=False).ids

    Sampler(engine, pieces, start=END, end=END).log_likelihoods(["ab", "a"], given="crumb " * 20)

    (begun,) = engine.begun
    longest = len(pieces.encode("ab", add_special_tokens=False).ids) + 1
    assert begun == [END, *story[-(12 - longest) :]]


def test_no_texts_have_no_likelihoods(pieces: Tokenizer) -> None:
    assert sampler_of(pieces).log_likelihoods([]) == []


def test_a_text_without_an_author_has_the_mean_of_its_likelihoods(pieces: Tokenizer) -> None:
    cyborg = sampler_of(pieces, tags=TAGS)
    one, other = (cyborg.log_likelihoods(["a"], author=author)[0] for author in TAGS)

    (both,) = cyborg.log_likelihoods(["a"])

    assert min(one, other) < both < max(one, other)


def test_a_prompt_follows_the_tag_and_the_tag_is_not_in_the_text(pieces: Tokenizer) -> None:
    engine = Reciter(pieces, " crumb", " umbrella")

    drafts = Sampler(engine, pieces, start=END, end=END, tags=TAGS).draft("My", n=2, seed=0, author="ada")

    assert [draft.text for draft in drafts] == ["My crumb", "My umbrella"]
    assert engine.begun == [[END, *(token for part in ("ada: ", "My") for token in pieces.encode(part).ids[1:])]]


def test_the_seed_chooses_the_author(model_folder: Path) -> None:
    loaded = model_dir.load(model_folder, device="cpu")
    cyborg = TorchSampler(loaded.model, loaded.tokenizer, TAGS)
    drafts_of = {author: cyborg.draft("", n=8, seed=3, author=author) for author in TAGS}

    mixed = cyborg.draft("", n=8, seed=3)

    assert mixed == cyborg.draft("", n=8, seed=3)
    whose = [
        {author for author, drafts in drafts_of.items() if drafts[number].text == mixed[number].text}
        for number in range(8)
    ]
    assert {"ada"} in whose
    assert {"bob"} in whose


def test_an_unknown_author_is_refused(pieces: Tokenizer) -> None:
    cyborg = sampler_of(pieces, tags=TAGS)

    with pytest.raises(ModelError, match="does not know @eve, only @ada, @bob"):
        cyborg.draft("", n=1, seed=0, author="eve")
    with pytest.raises(ModelError, match="does not know @eve"):
        cyborg.log_likelihoods(["a"], author="eve")


def test_a_model_without_tags_refuses_an_author(pieces: Tokenizer) -> None:
    with pytest.raises(ModelError, match="cannot speak as @ada alone"):
        sampler_of(pieces).draft("", n=2, seed=1, author="ada")


def test_a_lone_surrogate_becomes_a_question_mark(pieces: Tokenizer) -> None:
    assert sampler_of(pieces, "good").draft("\udcff", n=1, seed=0)[0].text.startswith("?")


def test_an_end_token_written_out_is_text(pieces: Tokenizer) -> None:
    engine = Reciter(pieces, "")

    (draft,) = Sampler(engine, pieces, start=END, end=END).draft("<|endoftext|>", n=1, seed=0)

    assert engine.begun[0].count(END) == 1
    assert draft.text == "<|endoftext|>"


class Doubting(Reciter):
    """A row of `tokens` tokens and the end; each is as likely as its place says."""

    nats = (-1.0, *[-5.0] * RUN, *[-1.0] * RUN)

    def __init__(self, pieces: Tokenizer, *, tokens: int) -> None:
        super().__init__(pieces)
        self._tails = [[*[END + 1] * tokens, END]]

    def sample(
        self, uniforms: Sequence[Callable[[], float]], temperature: float, top_p: float
    ) -> list[tuple[int, float]]:
        nats = self.nats[self._position]
        return [(token, nats) for token, _ in super().sample(uniforms, temperature, top_p)]


def test_the_weakest_run_of_a_draft_is_measured(pieces: Tokenizer) -> None:
    long, short = Doubting(pieces, tokens=2 * RUN), Doubting(pieces, tokens=2)

    (draft,) = Sampler(long, pieces, start=END, end=END).draft("", n=1, seed=0)
    (brief,) = Sampler(short, pieces, start=END, end=END).draft("", n=1, seed=0)

    assert draft.weakest == -5
    assert draft.likelihood == pytest.approx(sum(Doubting.nats) / (2 * RUN + 1))
    assert brief.weakest == brief.likelihood == pytest.approx((-1 - 5 - 5) / 3)
