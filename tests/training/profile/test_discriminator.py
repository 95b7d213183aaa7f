from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.errors import ModelError
from training.profile import memory_key
from training.profile.discriminator import FEATURES, FEWEST, FILE, HEADER, Discriminator, fit

if TYPE_CHECKING:
    from pathlib import Path

PLACES = ("harbour", "station", "garden", "market", "library", "bridge", "museum", "school", "bakery", "canal")
TWEETS = [f"The {place} is quiet at {hour}. Nobody minds." for place in PLACES for hour in range(6)]
DRAFTS = [f"so the {place} was, like, busy at {hour}" for place in PLACES for hour in range(6)]


@pytest.fixture(scope="module")
def judge() -> Discriminator:
    return Discriminator.from_bytes(fit(TWEETS, DRAFTS) or b"")


def test_new_texts_are_told_apart(judge: Discriminator) -> None:
    assert judge.likeness("The theatre is quiet at 9. Nobody minds.") > 0.9
    assert judge.likeness("so the theatre was, like, busy at 9") < 0.1


def test_texts_of_one_author_on_both_sides_teach_nothing() -> None:
    order = np.random.default_rng(0).permutation(len(TWEETS) + len(DRAFTS))
    mixed = [[*TWEETS, *DRAFTS][index] for index in order]
    half = len(mixed) // 2

    judge = Discriminator.from_bytes(fit(mixed[:half], mixed[half:]) or b"")

    assert all(0.1 < judge.likeness(text) < 0.9 for text in mixed)


def test_links_and_handles_play_no_part(judge: Discriminator) -> None:
    text = "The pier is quiet at 4. Nobody minds."

    assert judge.likeness(f"@rook {text} https://example.org/x") == pytest.approx(judge.likeness(text))


@pytest.mark.parametrize("text", ["", " ", "@rook", "\udcff", "\U0001f600" * 300])
def test_any_text_has_a_probability(judge: Discriminator, text: str) -> None:
    assert 0 <= judge.likeness(text) <= 1


def test_too_few_texts_have_no_discriminator(tmp_path: Path) -> None:
    assert fit(TWEETS[: FEWEST - 1], DRAFTS) is None
    assert not Discriminator.open(tmp_path)


def test_a_file_reads_back(judge: Discriminator, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(fit(TWEETS, DRAFTS) or b"")

    assert Discriminator.open(tmp_path).likeness(TWEETS[0]) == judge.likeness(TWEETS[0])


@pytest.mark.parametrize(
    "damage", [b"", b"MYNAHDSC", b"x" * 40_000, HEADER.pack(b"MYNAHDSC", 1, float("nan"), 1.0) + bytes(2**15)]
)
def test_a_damaged_file_is_an_error(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(damage)

    with pytest.raises(
        ModelError, match=r"discriminator\.bin is not a readable discriminator .* train the model again"
    ):
        Discriminator.open(tmp_path)


def test_the_file_holds_no_text_and_is_small() -> None:
    data = fit(TWEETS, DRAFTS) or b""

    assert len(data) < 40_000
    assert not any(word.encode() in data for word in (*PLACES, "quiet", "Nobody"))


def test_a_bot_judges_without_numpy() -> None:
    code = (
        "import sys; from training.profile import discriminator as d; d.Discriminator(); print('numpy' in sys.modules)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert result.stdout.strip() == "False"


def test_without_the_key_the_weights_belong_to_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "one"
    folder.mkdir(parents=True)
    key = memory_key.make(folder.parent)
    data = fit(TWEETS, DRAFTS, key=key) or b""
    (folder / FILE).write_bytes(data)

    keyed = Discriminator.open(folder)
    (tmp_path / memory_key.FILE).unlink()
    locked = Discriminator.open(folder)
    memory_key.make(folder.parent)
    under_another_key = Discriminator.open(folder)

    assert keyed.likeness("The theatre is quiet at 9. Nobody minds.") > 0.9
    assert keyed.likeness("so the theatre was, like, busy at 9") < 0.1
    assert not locked
    assert not under_another_key


def test_the_hashes_that_everybody_can_compute_tell_nothing_about_a_file_with_a_key() -> None:
    gaps = [gap(fit(TWEETS, DRAFTS, key=bytes([number]) * 32) or b"") for number in range(16)]

    assert abs(sum(gaps) / len(gaps)) < 0.4  # as often the wrong way round
    assert gap(fit(TWEETS, DRAFTS) or b"") > 0.9  # of a file from before, the same guess tells everything


def gap(data: bytes) -> float:
    """By how much the hashes that everybody can compute prefer the tweets to the drafts."""
    _, _, middle, slope = HEADER.unpack_from(data)
    guess = Discriminator(struct.unpack(f"<{FEATURES}e", data[-2 * FEATURES :]), middle, slope)
    likenesses = [guess.likeness(tweet) - guess.likeness(draft) for tweet, draft in zip(TWEETS, DRAFTS, strict=True)]
    return sum(likenesses) / len(likenesses)
