"""Small real models and folders that many tests need."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.installed import SENTENCES
from tests.talker import make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A test that trains without naming a base means the small one, also in the processes that it starts.
os.environ.setdefault("MYNAH_TRAINING__BASE_MODEL", "tiny")

# Written for the tests: a few plain sentences to train a tokenizer and a model on.
SAYINGS = (
    "My dream is a warm crumb on platform four.",
    "The night train was late again and nobody minded.",
    "Good morning to everyone who is carrying two umbrellas.",
    "I learnt a new word today and I will not tell you which.",
    "A pigeon asked me the way. I sent it to the ticket office.",
    "Rain on the glass roof is the only music that I know by heart ☔",
)


@pytest.fixture(autouse=True)
def whole_products() -> Iterator[None]:
    """Resets what a training that a test leaves open has set for the process."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_float32_matmul_precision("highest")


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    """Restores logging after each test: commands configure it, and the next test may run in the same process."""
    root, raises = logging.getLogger(), logging.raiseExceptions
    handlers, level = [*root.handlers], root.level
    yield
    for handler in root.handlers:
        if isinstance(handler, WatchedFileHandler):  # of bot/running/logs/file.py
            handler.close()
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def sayings() -> tuple[str, ...]:
    """The tweets of `model_folder`."""
    return SAYINGS


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real two-layer GPT-2 with random but fixed weights, in a complete model folder. Copy it before changing it."""
    from training.models import base_model, model_dir
    from training.profile import memory
    from training.recipe import Shape

    shape = Shape(vocabulary=300, context=160, layers=2, width=32, heads=2)
    model, tokenizer = base_model.load_base("scratch", texts=SAYINGS, shape=shape, seed=0)
    folder = tmp_path_factory.mktemp("models") / "20261120T120000Z-0000"
    about = model_dir.Manifest(created="2026-11-20T12:00:00+00:00", base_model="tiny", authors=("stationmynah",))
    model_dir.save(folder, model, tokenizer, about=about, files={memory.FILE: memory.memorise(SAYINGS)})
    return folder


@pytest.fixture(scope="session")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder whose current model has memorised eight sentences that are not in its copy index."""
    return make(tmp_path_factory.mktemp("talker"), SENTENCES, vocabulary=320, width=48, steps=150)


@pytest.fixture
def state(tmp_path: Path, talker: Path) -> Path:
    shutil.copytree(talker, tmp_path / "state" / "models", symlinks=True)
    return tmp_path / "state"
