"""Which model is used; the loading is faked."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import CapturingLogger

from bot.errors import ModelError
from bot.voice.model_voice import ModelMemory, ModelVoice
from bot.voice.voice import CurrentVoice
from training.speak.types import Sampling

SAMPLING = Sampling(max_tokens=9)


class Models:
    """The promoted version, with errors on demand when it is read or loaded."""

    def __init__(self) -> None:
        self.promoted: Path | ModelError | None = Path("one")
        self.broken: set[str] = set()
        self.loads: list[str] = []

    def current(self) -> Path | None:
        if isinstance(self.promoted, ModelError):
            raise self.promoted
        return self.promoted

    def load(self, folder: Path) -> ModelVoice:
        self.loads.append(folder.name)
        if folder.name in self.broken:
            raise ModelError(f"{folder} is damaged")
        return ModelVoice(folder.name, cast("Any", None), ModelMemory(), sampling=SAMPLING)


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


def voice(models: Models, log: CapturingLogger) -> CurrentVoice:
    return CurrentVoice(models.current, models.load, cast("Any", log))


def test_a_newly_promoted_model_is_used(models: Models, log: CapturingLogger) -> None:
    current = voice(models, log)
    models.promoted = Path("two")

    current.refresh()

    assert current.name == "two"
    assert [call.args for call in log.calls] == [("model.taken_over",)]


def test_a_round_uses_one_model(models: Models, log: CapturingLogger) -> None:
    class EmptySampler:
        def draft(self, *_: object, **__: object) -> list[object]:
            return []

    def load(folder: Path) -> ModelVoice:
        return ModelVoice(folder.name, cast("Any", EmptySampler()), ModelMemory(), sampling=SAMPLING)

    current = CurrentVoice(models.current, load, cast("Any", log))
    models.promoted = Path("two")

    current.draft("", n=1, seed=0)

    assert current.name == "one"


def test_a_model_that_cannot_be_loaded_is_refused_once_and_the_old_one_stays(
    models: Models, log: CapturingLogger
) -> None:
    current = voice(models, log)
    models.promoted, models.broken = Path("two"), {"two"}

    current.refresh()
    current.refresh()

    assert current.name == "one"
    assert models.loads == ["one", "two"]
    assert [call.args for call in log.calls] == [("model.refused",)]


@pytest.mark.parametrize("promoted", [ModelError("current points to two, which is gone"), None], ids=["gone", "none"])
def test_the_old_model_stays_when_the_promoted_one_is_missing(
    models: Models, log: CapturingLogger, promoted: ModelError | None
) -> None:
    current = voice(models, log)
    models.promoted = promoted

    current.refresh()
    current.refresh()

    assert current.name == "one"
    assert len(log.calls) == (promoted is not None)


def test_without_a_model_there_is_no_voice(models: Models, log: CapturingLogger) -> None:
    models.promoted = None

    with pytest.raises(ModelError, match="`mynah retrain`"):
        voice(models, log)


class FakeSampler:
    """A sampler that weak references can follow."""

    def draft(self, *_: object, **__: object) -> list[object]:
        return []

    def log_likelihoods(self, texts: list[str], *, given: str = "") -> list[float]:
        return [float(len(text) + len(given)) for text in texts]


@pytest.mark.parametrize(
    ("keep", "short", "loads"),
    [(True, False, ["one"]), (False, False, ["one", "one"]), (True, True, ["one", "one"])],
    ids=["kept", "dropped", "pressed"],
)
def test_a_voice_that_is_not_kept_loaded_is_loaded_for_each_round(
    models: Models, log: CapturingLogger, keep: bool, short: bool, loads: list[str]
) -> None:
    references: list[weakref.ref[FakeSampler]] = []

    def load(folder: Path) -> ModelVoice:
        sampler = FakeSampler()
        references.append(weakref.ref(sampler))
        models.loads.append(folder.name)
        return ModelVoice(folder.name, cast("Any", sampler), ModelMemory(), sampling=SAMPLING)

    current = CurrentVoice(models.current, load, cast("Any", log), keep_loaded=keep, is_short=lambda: short)
    current.draft("", n=1, seed=0)
    current.refresh()
    current.refresh()  # nothing is loaded any more

    assert (references[0]() is not None) is (keep and not short)
    assert [call.args for call in log.calls] == [("model.put_away",)] * short
    assert current.name == "one"
    assert current.log_likelihoods(["three"], given="two") == [8.0]
    assert models.loads == loads


def test_a_voice_that_is_not_kept_loaded_uses_a_new_model(models: Models, log: CapturingLogger) -> None:
    current = CurrentVoice(models.current, models.load, cast("Any", log), keep_loaded=False)
    models.promoted = Path("two")

    current.refresh()

    assert current.name == "two"
    assert current.engine == "torch"
    assert models.loads == ["one", "two", "two"]
