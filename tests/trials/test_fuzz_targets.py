"""The fuzz targets on valid and mutated documents, without atheris; `make fuzz` goes further."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.trials.fuzz.answers import Mentions
from tests.trials.fuzz.kinds import tried
from tests.trials.fuzz.mutation import WAYS, mutated
from tests.trials.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.trials.fuzz.kinds import Target

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=TARGETS)
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if name.startswith("MYNAH_"):
                environment.delenv(name)
        opened = TARGETS[request.param](tmp_path_factory.mktemp(request.param))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def documents(target: Target) -> list[bytes]:
    return list(target.seeds())


def test_its_own_documents_are_taken_in_or_refused_in_a_sentence(target: Target, documents: list[bytes]) -> None:
    told = [tried(target, document) for document in documents]

    assert "" in told
    assert len(set(documents)) == len(documents)


@settings(max_examples=200, deadline=None)
@given(which=st.integers(0, 999), seed=st.integers(0, 2**32 - 1), times=st.integers(1, 4))
def test_a_document_that_was_spoilt_is_taken_in_or_refused_in_a_sentence(
    target: Target, documents: list[bytes], which: int, seed: int, times: int
) -> None:
    spoilt = mutated(documents[which % len(documents)], random.Random(seed), times)
    note(repr(spoilt[:3000]))

    tried(target, spoilt)


def test_the_bot_among_the_mentions_reads_and_answers_them(tmp_path: Path) -> None:
    target = Mentions(tmp_path)
    for document in target.seeds():
        target.take(document)

    assert {"mentions.read", "reply.ended", "post.looked_for"} <= set(target._life.logged)
    assert len(target._life.store.history()) == 1  # what it said before the first of them
    target.close()


# The tools themselves


def test_the_same_chance_spoils_a_document_in_the_same_way() -> None:
    document = b'{"data": [{"id": "7", "text": "caw"}]}'
    results = [mutated(document, random.Random(seed), 3) for seed in range(50)]

    assert results == [mutated(document, random.Random(seed), 3) for seed in range(50)]
    assert len(set(results)) > 45


@pytest.mark.parametrize("way", dict.fromkeys(WAYS), ids=lambda way: way.__name__)
def test_every_way_of_spoiling_changes_something_and_copes_with_nothing(way: object) -> None:
    assert callable(way)
    document = 'key = "value"\n{"data": [{"id": "7"}, 1]}\nlast'

    assert any(way(document, random.Random(seed)) != document for seed in range(20))
    assert all(isinstance(way("", random.Random(seed)), str) for seed in range(20))


class Careless:
    """What a fuzzer must find out."""

    def seeds(self) -> list[bytes]:
        return [b'{"data": [{"id": "7", "text": "caw"}], "meta": {}}']

    def take(self, data: bytes) -> None:
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(body, dict) and isinstance(body.get("data"), list):
            "".join(str(post["id"]) for post in body["data"])

    def close(self) -> None:
        pass


def test_a_careless_reader_is_found_out() -> None:
    careless = Careless()
    found = set()
    for seed in range(200):
        try:
            tried(careless, mutated(careless.seeds()[0], random.Random(seed)))
        except (KeyError, TypeError) as error:
            found.add(type(error))

    assert found == {KeyError, TypeError}


def test_an_input_that_was_kept_is_shown_again(tmp_path: Path) -> None:
    kept = tmp_path / "configuration-0123456789ab"
    kept.write_bytes(b"x = 3")

    shown = subprocess.run(
        [sys.executable, "-m", "tests.trials.fuzz", "--again", kept],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("refused: 1 error in the configuration:\n  x: ")


def test_without_atheris_it_says_how_to_install_it() -> None:
    quiet = "import sys; sys.modules['atheris'] = None; sys.argv = ['fuzz']"
    without = f"{quiet}; from tests.trials.fuzz.__main__ import main; main()"

    told = subprocess.run([sys.executable, "-c", without], cwd=ROOT, check=False, capture_output=True, text=True)

    assert told.returncode == 1
    assert told.stderr.startswith("tests.trials.fuzz: atheris is not installed")
    assert told.stderr.strip().endswith("pip install 'atheris>=3,<4'")
