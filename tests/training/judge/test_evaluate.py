from __future__ import annotations

import math
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.corpus.corpus import Corpus, Text
from training.errors import ModelError
from training.judge.evaluate import bits_in_use, bits_of, bits_per_character, evaluate, judge_again, speak
from training.models import model_dir
from training.profile import memory
from training.speak.types import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.judge.report import Report

LATER = (
    "The last train hums to itself.",
    "An umbrella was found; it says it is not lost.",
    "Good night, platform four.",
)
AUTHOR = "stationmynah"


@pytest.fixture(scope="module")
def loaded(model_folder: Path) -> model_dir.Loaded:
    return model_dir.load(model_folder, device="cpu")


@pytest.fixture
def corpus(sayings: tuple[str, ...]) -> Corpus:
    return Corpus(train=texts(sayings), held_out=texts(LATER), funnels=())


def texts(samples: Sequence[str]) -> tuple[Text, ...]:
    return tuple(Text(text, AUTHOR) for text in samples)


def drafts(*samples: str, finished: bool = True) -> list[Sample]:
    return [Sample(text, -1.0, finished) for text in samples]


def evaluate_drafts(loaded: model_dir.Loaded, corpus: Corpus, **more: Any) -> Report:
    options = {"context": 100, "seed": 0, "drafts": drafts(*LATER), **more}
    return evaluate(loaded.model, loaded.tokenizer, corpus, **options)


def test_an_untrained_model_needs_the_bits_of_its_vocabulary(model_folder: Path) -> None:
    loaded = model_dir.load(model_folder, device="cpu")
    with torch.no_grad():
        for weight in loaded.model.parameters():
            weight.zero_()  # all logits equal
    texts = ["Rain ☔", "Good morning."]
    tokens = sum(len(loaded.tokenizer(text, add_special_tokens=False).input_ids) + 1 for text in texts)

    bits = bits_per_character(loaded.model, loaded.tokenizer, texts, context=100)

    expected = tokens * math.log2(len(loaded.tokenizer)) / sum(map(len, texts))
    assert bits == pytest.approx(expected, rel=1e-2)  # bf16 rounds the loss where the chip has it
    tagged = bits_per_character(loaded.model, loaded.tokenizer, texts, context=100, tags=["@a: ", "@b: "])
    assert tagged == pytest.approx(expected, rel=1e-2)  # the tag is given, and costs nothing


def test_each_author_is_evaluated_with_their_own_tag(loaded: model_dir.Loaded) -> None:
    one, other = Text("Rain again.", "a"), Text("Rain again.", "b")
    tags = {"a": "@a says ", "b": ""}

    bits = bits_of(loaded.model, loaded.tokenizer, [one, other], context=100, tags=tags)

    apart = [bits_of(loaded.model, loaded.tokenizer, [text], context=100, tags=tags) for text in (one, other)]
    assert bits == pytest.approx(sum(bits or 0 for bits in apart) / 2, rel=1e-2)
    assert apart[0] != apart[1]


def test_a_report_has_its_numbers_of_texts_and_the_given_figures(loaded: model_dir.Loaded, corpus: Corpus) -> None:
    report = evaluate_drafts(loaded, corpus, base_bits=2.5, current_bits=2.25)

    assert (report.samples, report.learnt, report.held_out) == (3, 6, 3)
    assert (report.base_bits, report.current_bits) == (2.5, 2.25)
    assert report.bits_per_character == bits_of(loaded.model, loaded.tokenizer, corpus.held_out, context=100)
    assert report.ngram_bits is not None
    assert report.told_apart is report.told_apart_author is None  # three texts are too few


@pytest.mark.parametrize(
    ("samples", "figures"),
    [
        pytest.param(drafts("my dream is a WARM crumb on platform four"), {"exact": 1, "copied": 1}, id="a copy"),
        pytest.param(drafts("x" * 281, "☔"), {"overlong": 0.5, "exact": 0}, id="long"),
        pytest.param(drafts("one", finished=False) + drafts("two"), {"unfinished": 0.5}, id="endless"),
        pytest.param(drafts("so so so so", "so so so so"), {"distinct": (1 / 8, 1 / 6, 1 / 4)}, id="stuck"),
        pytest.param([], {"samples": 0, "copied": 0, "unfinished": 0, "length_distance": 0}, id="silent"),
    ],
)
def test_the_drafts_are_counted(
    loaded: model_dir.Loaded, corpus: Corpus, samples: list[Sample], figures: dict[str, Any]
) -> None:
    report = evaluate_drafts(loaded, corpus, drafts=samples)

    assert {name: getattr(report, name) for name in figures} == figures


def test_length_is_counted_by_the_given_function(loaded: model_dir.Loaded, corpus: Corpus) -> None:
    report = evaluate_drafts(loaded, corpus, length=lambda text: 300 * text.startswith("The"))

    assert report.overlong == pytest.approx(1 / 3)  # "The last train"
    assert report.overlong_author == pytest.approx(2 / 9)


def test_new_tweets_that_repeat_training_tweets_count_as_the_authors_copies(
    loaded: model_dir.Loaded, corpus: Corpus
) -> None:
    repeated = replace(corpus, overlap={AUTHOR: 1})

    assert evaluate_drafts(loaded, corpus).copied_author == 0
    assert evaluate_drafts(loaded, repeated).copied_author == 0.25


def test_without_held_out_tweets_there_are_no_bits_and_no_author_to_compare_with(
    loaded: model_dir.Loaded, corpus: Corpus
) -> None:
    report = evaluate_drafts(loaded, replace(corpus, held_out=()))

    assert report.bits_per_character is report.ngram_bits is report.copied_author is None


def test_it_makes_the_requested_number_of_samples_by_seed(loaded: model_dir.Loaded) -> None:
    first, again, other = (speak(loaded.model, loaded.tokenizer, {}, count=70, seed=seed) for seed in (1, 1, 2))

    assert len(first) == 70
    assert first == again != other
    assert [draft.text for draft in first[64:]] != [draft.text for draft in first[:6]]  # each batch has its own dice


def test_a_current_model_that_was_trained_on_the_tweets_is_no_baseline(model_folder: Path, corpus: Corpus) -> None:
    assert bits_in_use(None, corpus.held_out, context=100, device="cpu") is None
    assert bits_in_use(model_folder, corpus.train, context=100, device="cpu") is None
    bits = bits_in_use(model_folder, corpus.held_out, context=100, device="cpu")
    loaded = model_dir.load(model_folder, device="cpu")
    assert bits == bits_of(loaded.model, loaded.tokenizer, corpus.held_out, context=100)


def test_an_old_version_is_evaluated_on_tweets_that_are_new_to_it(
    model_folder: Path, corpus: Corpus, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(model_folder, older)
    mixed = replace(corpus, held_out=(*corpus.train[:2], *corpus.held_out))

    report = judge_again(older, model_folder, mixed, device="cpu", seed=3, samples=2)

    assert (report.held_out, report.samples, report.seed) == (3, 2, 3)
    assert report.bits_per_character == report.current_bits  # the same model under another name
    assert report.base_bits is not None
    assert report.base_bits < report.bits_per_character


def test_one_that_was_trained_on_everything_cannot_be_evaluated(model_folder: Path, corpus: Corpus) -> None:
    with pytest.raises(ModelError, match=r"was trained on all tweets .* import newer ones"):
        judge_again(model_folder, None, replace(corpus, held_out=corpus.train), device="cpu", seed=0, samples=2)


@pytest.mark.parametrize("base", ["scratch", "/nowhere/at/all"])
def test_an_unavailable_base_is_left_out(base: str, loaded: model_dir.Loaded, corpus: Corpus, tmp_path: Path) -> None:
    version = tmp_path / "version"
    about = replace(loaded.manifest, base_model=base)
    files = {memory.FILE: memory.memorise([])}
    model_dir.save(version, loaded.model, loaded.tokenizer, about=about, files=files)

    report = judge_again(version, version, corpus, device="cpu", seed=0, samples=2)

    assert report.base_bits is report.current_bits is None
