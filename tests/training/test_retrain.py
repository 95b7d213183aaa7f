from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING

import pytest

from training import model_dir, registry
from training.errors import HubUnreachable, StateBusy, TooLittleData
from training.memory import Memory
from training.recipe import Recipe, Shape
from training.retrain import Progress, retrain
from training.sampler import Sampler

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
QUICK = Recipe(shape=Shape(vocabulary=300, context=64, layers=1, width=32, heads=2), max_steps=4, looks=2)
GUESTS = ("A pigeon", "The brass band", "My aunt", "One small dog", "The night porter", "A choir of nuns")
PLACES = ("platform four", "the ticket office", "the tunnel", "the clock", "the kiosk", "the left luggage")
DEEDS = ("waited at", "sang beside", "asked the way to", "fell asleep near", "complained about")


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.txt"
    path.write_text("\n".join(f"{who} {did} {where} today." for who, did, where in product(GUESTS, DEEDS, PLACES)))
    return path


def run(
    tweets: Path, models: Path, *, base: str = "scratch", now: datetime = NOON, seen: list[Progress] | None = None
) -> Path:
    return retrain(
        tweets=[tweets],
        models=models,
        recipe=QUICK,
        base=base,
        device="cpu",
        now=now,
        seed=1,
        report=(seen if seen is not None else []).append,
        author="stationmynah",
    )


def test_tweets_become_a_model_in_use_that_speaks(tweets: Path, tmp_path: Path) -> None:
    version = run(tweets, tmp_path / "models")

    assert registry.current(tmp_path / "models") == version
    assert Sampler.open(version, device="cpu").draft("My dream is", n=2, seed=0)


def test_the_stages_are_told_in_their_order(tweets: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []

    run(tweets, tmp_path / "models", seen=seen)

    assert list(dict.fromkeys(progress.stage for progress in seen)) == [
        "read",
        "clean",
        "tokenise",
        "train",
        "judge",
        "save",
        "promote",
    ]
    assert [progress.done for progress in seen if progress.stage == "train"] == [1, 2, 3, 4]


def test_the_folder_says_whose_tweets_it_learnt_and_how_well(tweets: Path, tmp_path: Path) -> None:
    version = run(tweets, tmp_path / "models")

    manifest = model_dir.check(version)
    assert manifest.authors == ("stationmynah",)
    assert manifest.funnel == {"stationmynah": {"downloaded": 180, "retweets": 0, "short": 0, "kept": 180}}
    assert 0 < manifest.figures["bits_per_character"] < 20
    assert manifest.created == NOON.isoformat()
    metrics = json.loads((version / "metrics.json").read_text())
    assert [step["number"] for step in metrics["steps"]] == [1, 2, 3, 4]


def test_it_remembers_what_it_learnt_and_not_what_was_held_out(tweets: Path, tmp_path: Path) -> None:
    lines = tweets.read_text().splitlines()

    memory = Memory.open(run(tweets, tmp_path / "models"))

    assert sum(map(memory.said, lines)) == 162 == len(memory)


def test_a_second_training_takes_the_place_of_the_first_and_leaves_it_there(tweets: Path, tmp_path: Path) -> None:
    first = run(tweets, tmp_path / "models")
    second = run(tweets, tmp_path / "models", now=LATER)

    assert registry.current(tmp_path / "models") == second
    assert model_dir.check(first).created == NOON.isoformat()


def test_a_model_folder_can_be_the_base_of_the_next(tweets: Path, tmp_path: Path) -> None:
    first = run(tweets, tmp_path / "models")

    second = run(tweets, tmp_path / "models", base=str(first), now=LATER)

    assert model_dir.check(second).base_model == str(first)


def test_a_training_that_fails_leaves_the_model_in_use_in_use(
    tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    first = run(tweets, tmp_path / "models")
    with pytest.raises(HubUnreachable):
        run(tweets, tmp_path / "models", base="nobody/no-such-bird", now=LATER)

    assert registry.current(tmp_path / "models") == first
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [first.name, "current"]


def test_too_few_tweets_are_refused_before_anything_is_trained(tweets: Path, tmp_path: Path) -> None:
    tweets.write_text("Only this one tweet was ever written.\n")

    with pytest.raises(TooLittleData, match="needs at least"):
        run(tweets, tmp_path / "models")


def test_two_trainings_do_not_meet_in_one_folder(tweets: Path, tmp_path: Path) -> None:
    with registry.hold(tmp_path / "models"), pytest.raises(StateBusy):
        run(tweets, tmp_path / "models")
