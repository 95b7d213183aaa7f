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
from tests.trials.fuzz.kinds import error_message
from tests.trials.fuzz.mutation import WAYS, mutate_document
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


def test_valid_documents_are_accepted_or_refused_with_a_message(target: Target, documents: list[bytes]) -> None:
    messages = [error_message(target, document) for document in documents]

    assert "" in messages
    assert len(set(documents)) == len(documents)


@settings(max_examples=200, deadline=None)
@given(which=st.integers(0, 999), seed=st.integers(0, 2**32 - 1), times=st.integers(1, 4))
def test_a_mutated_document_is_accepted_or_refused_with_a_message(
    target: Target, documents: list[bytes], which: int, seed: int, times: int
) -> None:
    mutated = mutate_document(documents[which % len(documents)], random.Random(seed), times)
    note(repr(mutated[:3000]))

    error_message(target, mutated)


def test_the_bot_among_the_mentions_reads_and_answers_them(tmp_path: Path) -> None:
    target = Mentions(tmp_path)
    for document in target.seeds():
        target.take(document)

    assert {"mentions.read", "reply.ended", "post.looked_for"} <= set(target._bot.logged)
    assert len(target._bot.store.history()) == 1  # from before the first document
    target.close()


# The tools themselves


def test_the_same_seed_mutates_a_document_in_the_same_way() -> None:
    document = b'{"data": [{"id": "7", "text": "caw"}]}'
    results = [mutate_document(document, random.Random(seed), 3) for seed in range(50)]

    assert results == [mutate_document(document, random.Random(seed), 3) for seed in range(50)]
    assert len(set(results)) > 45


@pytest.mark.parametrize("way", dict.fromkeys(WAYS), ids=lambda way: way.__name__)
def test_every_mutation_changes_something_and_accepts_an_empty_document(way: object) -> None:
    assert callable(way)
    document = 'key = "value"\n{"data": [{"id": "7"}, 1]}\nlast'

    assert any(way(document, random.Random(seed)) != document for seed in range(20))
    assert all(isinstance(way("", random.Random(seed)), str) for seed in range(20))


class Careless:
    """A target with a fault that the fuzzer must find."""

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


def test_the_faults_of_a_careless_reader_are_found() -> None:
    careless = Careless()
    errors = set()
    for seed in range(200):
        try:
            error_message(careless, mutate_document(careless.seeds()[0], random.Random(seed)))
        except (KeyError, TypeError) as error:
            errors.add(type(error))

    assert errors == {KeyError, TypeError}


def test_a_kept_input_can_be_run_again(tmp_path: Path) -> None:
    finding = tmp_path / "configuration-0123456789ab"
    finding.write_bytes(b"x = 3")

    process = subprocess.run(
        [sys.executable, "-m", "tests.trials.fuzz", "--again", finding],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("refused: 1 error in the configuration:\n  x: ")


def test_without_atheris_it_says_how_to_install_it() -> None:
    quiet = "import sys; sys.modules['atheris'] = None; sys.argv = ['fuzz']"
    without = f"{quiet}; from tests.trials.fuzz.__main__ import main; main()"

    process = subprocess.run([sys.executable, "-c", without], cwd=ROOT, check=False, capture_output=True, text=True)

    assert process.returncode == 1
    assert process.stderr.startswith("tests.trials.fuzz: atheris is not installed")
    assert process.stderr.strip().endswith("pip install 'atheris>=3,<4'")
