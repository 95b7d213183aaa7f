"""The models of many bots: a base once, the voices used last kept, and few drafting at a time."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bot.config.settings import Settings
from bot.errors import ModelError
from bot.fleet.member import NotYet
from bot.fleet.voices import InTurn, SharedVoices, Turns
from bot.running import assembly
from tests.adapters import VERSION, make_adapted, make_base
from tests.talker import SAYINGS
from training.models import registry
from training.speak import bases

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(voice={"threads": 1, "max_tokens": 32})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    base = make_base(folder / "base")
    for number, name in enumerate(("one", "two")):
        make_adapted(folder / name, base, SAYINGS[number * 8 : number * 8 + 8], steps=40)
    bases.make(folder / "store", folder / "one" / VERSION)
    return folder


def test_a_bot_says_the_same_in_any_company(world: Path) -> None:
    alone, crowd = (SharedVoices(world / "store", drafting=2) for _ in range(2))
    one, two = world / "one" / VERSION, world / "two" / VERSION
    expected = alone.open(one, SETTINGS).draft("", n=4, seed=3)
    crowd.open(two, SETTINGS)
    results: dict[int, list[Any]] = {}

    def draft(number: int) -> None:
        results[number] = crowd.open((one, two)[number % 2], SETTINGS).draft("", n=4, seed=3)

    threads = [threading.Thread(target=draft, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [results[number] for number in (0, 2, 4)] == [expected] * 3
    assert results[1] == results[3] == results[5] != expected


def test_a_voice_is_kept_until_others_need_the_memory(world: Path) -> None:
    voices = SharedVoices(world / "store", drafting=1, most_kept=1)
    one = voices.open(world / "one" / VERSION, SETTINGS)

    again = voices.open(world / "one" / VERSION, SETTINGS)
    voices.open(world / "two" / VERSION, SETTINGS)

    assert again is one
    assert len(voices._kept) == 1
    assert voices.open(world / "one" / VERSION, SETTINGS) is not one


def test_a_version_that_was_replaced_in_place_is_opened_again(world: Path, tmp_path: Path) -> None:
    version = shutil.copytree(world / "one" / VERSION, tmp_path / VERSION)
    voices = SharedVoices(world / "store", drafting=1)
    before = voices.open(version, SETTINGS)
    shutil.rmtree(version)
    shutil.copytree(world / "two" / VERSION, version)

    assert voices.open(version, SETTINGS) is not before


def test_other_settings_are_another_voice(world: Path) -> None:
    voices = SharedVoices(world / "store", drafting=1)
    hot = SETTINGS.model_copy(update={"voice": SETTINGS.voice.model_copy(update={"temperature": 2.0})})

    assert voices.open(world / "one" / VERSION, hot) is not voices.open(world / "one" / VERSION, SETTINGS)


def test_a_whole_model_speaks_as_it_does_alone(talker: Path, tmp_path: Path) -> None:
    version = registry.find(talker, registry.CURRENT)
    voice = SharedVoices(tmp_path, drafting=1).open(version, SETTINGS)

    assert voice.draft("", n=3, seed=1) == assembly.voice(version, SETTINGS).draft("", n=3, seed=1)


def test_a_model_that_generates_nothing_is_refused(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.fleet.voices.is_mute", lambda _: True)

    with pytest.raises(ModelError, match="generates nothing"):
        SharedVoices(world / "store", drafting=1).open(world / "one" / VERSION, SETTINGS)


def test_no_more_draft_at_once_than_allowed() -> None:
    at_work, most, lock, turns = 0, 0, threading.Lock(), Turns(2)
    both = threading.Barrier(2)

    class Sampler:
        def draft(self, _: str) -> list[Any]:
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            both.wait(600)  # two are here at once
            with lock:
                at_work -= 1
            return []

    sampler: Any = Sampler()
    threads = [threading.Thread(target=InTurn(sampler, turns).draft, args=("",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 2


def test_a_process_that_stops_begins_no_further_drafts(world: Path) -> None:
    voices = SharedVoices(world / "store", drafting=1)
    voice = voices.open(world / "one" / VERSION, SETTINGS)

    voices.close()

    with pytest.raises(NotYet, match="is stopping"):
        voice.draft("", n=1, seed=0)
