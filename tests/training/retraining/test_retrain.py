from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.training.retraining.runs import LATER, NOON, TEXTS, archive, run, small, version_of
from training.card import card
from training.corpus.corpus import Choices
from training.errors import ModelError, StateBusy, TooLittleData
from training.judge import report as judgement
from training.judge.gate import Gate
from training.models import model_dir, registry
from training.profile.memory import Memory
from training.retraining.job import Job, Progress, every
from training.speak.torch_engine import TorchSampler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return small(tmp_path / "models")


def test_tweets_become_the_current_model_which_drafts(job: Job) -> None:
    outcome = run(job)

    assert outcome.promoted
    assert registry.current(job.models) == outcome.version
    assert TorchSampler.open(version_of(outcome), device="cpu").draft("My dream is", n=2, seed=0)


def test_the_stages_are_reported_in_order(job: Job) -> None:
    reports: list[Progress] = []

    run(job, reports=reports)

    stages = ["read", "clean", "tokenise", "train", "judge", "save", "promote"]
    assert list(dict.fromkeys(progress.stage for progress in reports)) == stages
    assert [progress.done for progress in reports if progress.stage == "train"] == [1, 2, 3, 4]


def test_the_folder_names_its_authors_and_its_figures(job: Job) -> None:
    version = version_of(run(job))

    manifest = model_dir.check(version)
    assert manifest.authors == ("stationmynah",)
    assert manifest.funnel["stationmynah"]["downloaded"] == manifest.funnel["stationmynah"]["kept"] == 180
    assert 0 < manifest.figures["bits_per_character"] < 20
    assert manifest.created == NOON.isoformat()
    report = judgement.read(version)
    assert report is not None
    light = {name: manifest.figures[name] for name in ("light_off", "light_off_mean", "light_same")}
    assert report.figures() | light == dict(manifest.figures)


def test_the_card_names_the_languages_as_the_hub_does(job: Job) -> None:
    source = archive()
    langs = ["in", "en", "und", "", "in", "qme"]
    tweets = tuple(replace(tweet, lang=langs[index % 6]) for index, tweet in enumerate(source.tweets))
    first = replace(tweets[0], lang="iw")  # one tweet is no language of his

    version = version_of(run(job, replace(source, tweets=(first, *tweets[1:]))))

    assert 'language: ["id", "en"]' in (version / card.FILE).read_text(encoding="utf-8")


def test_the_card_tells_the_language_of_tweets_without_codes(job: Job) -> None:
    version = version_of(run(job, archive(texts=[f"Der {text[:-1]} ist nicht für mich" for text in TEXTS])))

    assert 'language: ["de"]' in (version / card.FILE).read_text(encoding="utf-8")


def test_the_avatar_of_the_archive_is_beside_the_card(job: Job) -> None:
    version = version_of(run(job, replace(archive(), avatar=b"\xff\xd8 a picture")))

    assert (version / "avatar-stationmynah.jpg").read_bytes() == b"\xff\xd8 a picture"
    assert 'src="avatar-stationmynah.jpg"' in (version / card.FILE).read_text(encoding="utf-8")


def test_the_card_states_the_choices(job: Job) -> None:
    choices = Choices(newlines=True, recency=timedelta(days=30))

    text = (version_of(run(replace(job, choices=choices))) / card.FILE).read_text(encoding="utf-8")

    assert '"tweets", "gpt2"]' in text
    assert (
        "| trained on replies | yes |\n| line breaks kept | yes |\n| half-life of a tweet's weight | 30 days |" in text
    )


def test_a_model_folder_has_all_its_files(job: Job) -> None:
    version = version_of(run(replace(job, pictures=True)))

    pictures = {card.PREDICTIONS, card.LOSS, card.LENGTHS}
    assert {"README.md", "memory.bin", "metrics.jsonl", "report.json", *pictures} < set(model_dir.check(version).files)
    lines = [json.loads(line) for line in (version / "metrics.jsonl").read_text().splitlines()]
    assert [(line["kind"], line.get("number")) for line in lines] == [
        *(("step", number) for number in (1, 2, 3, 4)),
        ("end", None),
    ]
    assert "Stationmynah" in (version / "README.md").read_text()


def test_it_remembers_the_training_tweets_and_not_the_held_out_ones(job: Job) -> None:
    memory = Memory.open(version_of(run(job)))

    assert sum(map(memory.said, TEXTS)) == len(memory)
    assert not any(map(memory.said, TEXTS[-10:]))


def test_a_second_training_becomes_current_and_keeps_the_first(job: Job) -> None:
    first = version_of(run(job))
    second = version_of(run(job, now=LATER))

    assert registry.current(job.models) == second
    assert model_dir.check(first).created == NOON.isoformat()


def test_old_versions_are_removed_on_request(job: Job) -> None:
    outcomes = [run(replace(job, keep=1), now=NOON + timedelta(days=day)) for day in range(3)]

    assert [version_of(outcome).exists() for outcome in outcomes] == [False, True, True]  # one to roll back to


def test_a_model_folder_can_be_the_base_of_the_next(job: Job) -> None:
    first = version_of(run(job))

    second = version_of(run(replace(job, base=str(first)), now=LATER))

    assert model_dir.check(second).base_model == str(first)


def test_a_model_that_is_not_good_enough_is_kept_and_not_used(job: Job) -> None:
    first = version_of(run(job))

    outcome = run(replace(job, gate=Gate(unfinished_most=-1.0)), now=LATER)

    assert not outcome.promoted
    assert any("It runs on" in sentence for sentence in outcome.why)
    assert registry.current(job.models) == first
    assert model_dir.check(version_of(outcome)).created == LATER.isoformat()


def test_two_authors_are_trained_together_and_have_tags(job: Job) -> None:
    other = archive("nightporter", [text[::-1] for text in TEXTS])

    version = version_of(run(replace(job, choices=Choices(tags=True)), archive(), other))

    manifest = model_dir.check(version)
    assert set(manifest.authors) == set(manifest.tags) == {"stationmynah", "nightporter"}
    sampler = TorchSampler.open(version, device="cpu")
    assert sampler.draft("", n=1, seed=0, author="nightporter") != sampler.draft("", n=1, seed=0, author="stationmynah")


def test_it_continues_from_the_current_model_with_new_tweets(job: Job) -> None:
    first = version_of(run(job, archive(texts=TEXTS[:120])))
    reports: list[Progress] = []

    second = version_of(run(replace(job, begin="current"), archive(), now=LATER, reports=reports))

    earlier, now = Memory.open(first), Memory.open(second)
    assert (len(earlier), len(now)) == (108, 162)
    assert all(now.said(text) for text in TEXTS if earlier.said(text))
    assert any("54 training tweets, all new to the current model, 18 held out" in progress.note for progress in reports)
    assert model_dir.check(second).base_model == "scratch"
    assert registry.current(job.models) == second


def test_a_continued_model_is_evaluated_against_all_its_training_tweets(job: Job) -> None:
    run(job, archive(texts=TEXTS[:120]))

    second = version_of(run(replace(job, begin="current"), archive(), now=LATER))

    report = judgement.read(second)
    assert report is not None
    assert (report.learnt, report.held_out) == (162, 18)
    text = (second / card.FILE).read_text(encoding="utf-8")
    assert "| training tweets | 54 |" in text
    assert "| training tweets before | 108 |" in text


def test_earlier_authors_stay_on_the_card_and_in_the_manifest(job: Job) -> None:
    run(job)
    other = archive("nightporter", [text[::-1] for text in TEXTS])

    second = version_of(run(replace(job, begin="current"), other, now=LATER))

    manifest = model_dir.check(second)
    assert manifest.authors == tuple(manifest.funnel) == ("stationmynah", "nightporter")
    assert manifest.funnel["stationmynah"]["downloaded"] == 180
    text = (second / card.FILE).read_text(encoding="utf-8")
    assert "AI CYBORG" in text
    assert "@nightporter-stationmynah" in text
    assert "| Tweets downloaded | 180 | 180 |" in text


def test_held_out_tweets_that_the_current_model_was_trained_on_are_left_out(job: Job) -> None:
    run(job, archive(texts=[*TEXTS[175:], *TEXTS[:100]]))
    reports: list[Progress] = []

    run(replace(job, begin="current"), archive(), now=LATER, reports=reports)

    notes = [progress.note for progress in reports if progress.stage == "tokenise"]
    assert notes == ["72 training tweets, all new to the current model, 13 held out"]


def test_without_new_tweets_nothing_is_trained(job: Job) -> None:
    first = version_of(run(job))

    outcome = run(replace(job, begin="current"), now=LATER)

    assert (outcome.version, outcome.promoted) == (None, False)
    assert "was trained on all these tweets" in outcome.why[0]
    assert registry.current(job.models) == first
    assert sorted(path.name for path in job.models.iterdir()) == [first.name, "current"]


def test_without_a_current_model_it_cannot_be_continued(job: Job) -> None:
    with pytest.raises(ModelError, match="retrain from the base first"):
        run(replace(job, begin="current"))


def test_too_few_tweets_are_refused_before_anything_is_trained(job: Job) -> None:
    with pytest.raises(TooLittleData, match="needs at least"):
        run(job, archive(texts=["Only this one tweet was ever written."]))


def test_two_trainings_cannot_share_a_folder(job: Job) -> None:
    with registry.hold(job.models), pytest.raises(StateBusy):
        run(job)


def test_progress_is_due_every_few_seconds() -> None:
    moments = iter([0.0, 1.0, 2.0, 2.0, 3.5, 4.0, 4.0])
    due = every(2.0, lambda: next(moments))

    assert [due() for _ in range(4)] == [False, True, False, True]
