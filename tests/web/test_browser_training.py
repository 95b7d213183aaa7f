"""Begin, Model and People in a real Chromium: import a file by clicking, and watch a training without loading again."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from bot.commands.model import training_log
from bot.commands.model.training_log import TrainingLog
from tests.training.reports import GOOD
from tests.training.retraining.runs import WORDS
from tests.web.serving import Client, serving
from tests.web.watching import DESKTOP, PHONE, overflows, serious_faults, tab
from training.learn.finetune import Step
from training.retraining.job import Outcome, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

VERSION = "20261120T120000Z-0000"


@pytest.fixture
def bot(env: None, tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path / "state") as client:
        yield client


def link(client: Client, path: str) -> str:
    return f"{client.origin}/signin?token={client.token}&next={path}"


def step(log: TrainingLog, number: int, said: str = "") -> None:
    log.show(Progress("train", number, 100, step=Step(number, 100, 5 / number, 100, 4.25 if said else None, 0.1, said)))


def test_from_a_file_to_a_training_by_clicking(browser: Browser, bot: Client, tmp_path: Path) -> None:
    tweets = tmp_path / "tweets.txt"
    tweets.write_text("".join(f"{' '.join(random.Random(seed).sample(WORDS, 9))}.\n" for seed in range(40)))
    with tab(browser, link(bot, "/begin")) as page:
        page.get_by_label("An X archive").set_input_files(tweets)
        page.get_by_label("Whose they are").fill("@crow")
        page.get_by_role("button", name="Import").click()
        page.get_by_text("40 found: 40 new").wait_for()
        page.get_by_text("40 will be learnt").wait_for()
        page.get_by_label("How do you know").fill("crow is me")
        page.get_by_label("The people whose tweets are learnt agree").check()
        page.get_by_role("button", name="Train").click()
        page.get_by_text("a model needs at least 6,000").wait_for()  # said by the part that is asked for again
        faults = serious_faults(page)
        page.goto(f"{bot.origin}/begin")
        child = bot.jobs._training
        assert child is not None
        child.wait(60)

        assert faults == []
        assert page.get_by_label("How do you know").input_value() == "crow is me"


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_a_training_is_watched_without_loading_the_page_again(
    browser: Browser, bot: Client, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    path = bot.site.state_dir.root / training_log.FILE
    with TrainingLog(path, bot.site.clock) as log:
        log.show(Progress("read"))
        step(log, 1)
        step(log, 10, "a bell and a bun")
        with tab(browser, link(bot, "/begin"), size=size, scheme=scheme) as page:
            page.get_by_text("a bell and a bun").wait_for()
            faults = serious_faults(page)
            step(log, 20, "the bell is mine now")
            page.get_by_text("the bell is mine now").wait_for()
            too_wide = overflows(page)
            log.finish(Outcome(tmp_path / VERSION, promoted=True))
            page.get_by_role("button", name="Ten predictions").wait_for()

    assert (faults, too_wide) == ([], False)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_each_page_is_usable_by_everybody_and_fits_the_screen(
    browser: Browser, bot: Client, talker: Path, size: tuple[int, int], scheme: str
) -> None:
    bot.upload("/begin/upload", "tweets.txt", b"It rains on platform four today.\n", {"author": "crow"})
    models = bot.site.state_dir.models
    shutil.copytree(talker, models, symlinks=True)
    (models / VERSION / "report.json").write_bytes(GOOD.to_json())
    bot.post("/people/block", {"handle": "magpie"})
    paths = ("/begin?wait=1", "/people?wait=1", "/people/forget?handle=crow", "/model", f"/model/{VERSION}")
    with tab(browser, link(bot, "/"), size=size, scheme=scheme) as page:
        for path in (*paths, "/model/blindtest"):
            page.goto(bot.origin + path)

            assert serious_faults(page) == [], path
            assert not overflows(page), path
