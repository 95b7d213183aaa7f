"""Model: the versions, their figures, curves and cards, putting one into use, plans and blind tests."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from bot.voice.model_voice import promoted
from bot.web.learning import card
from bot.web.learning.blind import BlindSession
from bot.web.learning.charts import HIGH, WIDE, length_bars, loss_curve
from tests.installed import environment
from tests.training.reports import GOOD
from tests.web.serving import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, SECOND = "20261120T120000Z-0000", "20261121T120000Z-0000"
STEPS = [
    {"number": number, "loss": 5 / number, "held_out": 4.0 if number % 10 == 0 else None} for number in range(1, 101)
]
CARD = """---
language: ["en"]
---

<div align="center"><script>alert(1)</script></div>

![AI BOT: a prompt](predictions.png)

## Training data

| Data | <b>Crow</b> |
| :--- | ---: |
| kept | 12 |

[@crow](https://x.com/crow), [evil](javascript:alert(1)),
[http](http://evil.example), ![far](https://evil.example/x.png) \u202e
"""
# Speaks the protocol of `mynah blindtest --json`.
READER = """
import json, sys
answers = []
for number in (1, 2):
    print(json.dumps({"number": number, "of": 2, "text": f"<i>text {number}</i>"}), flush=True)
    answers.append(sys.stdin.readline().strip())
open(sys.argv[1], "wb").write(b"a picture")
rows = [{"by": "bot", "answer": answer, "text": "t"} for answer in answers]
about = {"right": 1, "texts": 2, "posts": 1, "believed": 1, "interval": [0.1, 0.9], "meaning": "Guessing."}
print(json.dumps(about | {"answers": rows}))
"""


@pytest.fixture(scope="module")
def env() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def page(env: None, tmp_path: Path, talker: Path) -> Iterator[Client]:
    """Two versions; the older one is in use."""
    models = tmp_path / "state" / "models"
    shutil.copytree(talker, models, symlinks=True)
    shutil.copytree(models / FIRST, models / SECOND)
    for name in (FIRST, SECOND):
        (models / name / "report.json").write_bytes(GOOD.to_json())
        (models / name / "README.md").write_text(CARD)
        lines = [json.dumps({"kind": "step", **step}) for step in STEPS]
        (models / name / "metrics.jsonl").write_text("\n".join([*lines, '{"kind": "step", "num']))
    (models / SECOND / "predictions.png").write_bytes(b"a picture")
    (models / SECOND / "loss.png").symlink_to("/etc/passwd")
    with serving(tmp_path / "state") as client:
        yield client


def in_use(page: Client) -> str:
    current = promoted(page.site.state_dir.models)
    assert current is not None
    return current.name


def test_the_versions_are_listed_the_newest_first(page: Client) -> None:
    text = page.get("/model").text

    assert re.findall(r'<h2><a href="/model/([^"]+)"', text) == [SECOND, FIRST]
    assert text.count("in use</span>") == 1
    assert "Roll back" not in text


def test_a_version_is_promoted_and_rolled_back(page: Client) -> None:
    promoted_ = page.follow(page.post(f"/model/{SECOND}/promote")).text
    after = in_use(page)
    back = page.follow(page.post("/model/rollback")).text

    assert f"{SECOND} is now in use" in promoted_
    assert "Roll back" in promoted_
    assert after == SECOND
    assert f"{FIRST} is in use again" in back
    assert in_use(page) == FIRST


def test_a_version_has_its_figures_and_curves(page: Client) -> None:
    text = page.get(f"/model/{SECOND}").text

    assert text.count("<svg") == 2
    assert "best 4.000" in text
    assert "bits per character" in text
    assert "1.500" in text
    assert f'src="/model/{SECOND}/files/predictions.png"' in text


@pytest.mark.parametrize("name", ["20991231T000000Z-0000", "..", "current", "models", "-x"])
def test_no_other_name_leads_to_a_version(page: Client, name: str) -> None:
    for path in (f"/model/{name}", f"/model/{name}/card", f"/model/{name}/files/predictions.png"):
        assert page.get(path).status == 404
    assert page.post(f"/model/{name}/promote").status == 404


def test_only_the_pictures_of_a_version_are_served(page: Client) -> None:
    picture = page.get(f"/model/{SECOND}/files/predictions.png")
    others = [
        page.get(f"/model/{SECOND}/files/{name}").status for name in ("manifest.json", "loss.png", "..%2fcurrent")
    ]

    assert (picture.status, picture.headers["content-type"]) == (200, "image/png")
    assert others == [404] * 3


def test_the_card_is_a_page_without_its_own_html(page: Client) -> None:
    text = page.get(f"/model/{SECOND}/card").text

    assert "<h3>Training data</h3>" in text
    assert f'src="/model/{SECOND}/files/predictions.png"' in text
    assert 'href="https://x.com/crow"' in text
    for evil in ("<script>alert", '="javascript:', "evil.example", "style=", "<b>Crow", "\u202e", 'language: ["en"]'):
        assert evil not in text


def test_a_card_of_any_length_is_shown_in_part() -> None:
    assert len(card.page("word " * 1_000_000, "/files/")) < 300_000


def test_a_plan_says_why_there_is_none(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_TRAINING__AUTHORS", '["nobody"]')
    page.post("/model/plan")
    for thread in threading.enumerate():
        if thread.name == "plan":
            thread.join()
    text = page.get("/model/plan/live").text

    assert "hx-get" not in text
    assert "the library has no tweets by @nobody" in text
    assert 'action="/model/retrain"' not in text


def blind_test(page: Client) -> BlindSession:
    page.jobs.uploads.mkdir(exist_ok=True)
    picture = page.jobs.uploads / "result.png"
    session = page.jobs.blind = BlindSession([sys.executable, "-c", READER, str(picture)], SECOND, picture)
    with session._changed:
        assert session._changed.wait_for(lambda: session.question is not None, 30)
    return session


def test_a_blind_test_asks_text_by_text_and_ends_with_a_picture(page: Client) -> None:
    session = blind_test(page)
    first = page.get("/model/blindtest").text
    second = page.follow(page.post("/model/blindtest/answer", {"number": "1", "answer": "person"})).text
    again = page.follow(page.post("/model/blindtest/answer", {"number": "1", "answer": "bot"})).text
    page.post("/model/blindtest/answer", {"number": "2", "answer": "bot"})
    with session._changed:
        session._changed.wait_for(lambda: session.is_over, 30)
    result = page.get("/model/blindtest").text
    picture = page.get("/model/blindtest/result.png")

    assert "Text 1 of 2" in first
    assert "&lt;i&gt;text 1&lt;/i&gt;" in first
    assert "Text 2 of 2" in second
    assert "Text 2 of 2" in again
    assert "1 of 2 right" in result
    assert (picture.status, picture.text) == (200, "a picture")
    assert list(page.jobs.uploads.iterdir()) == []


def test_a_blind_test_that_cannot_be_made_says_why(page: Client) -> None:
    page.post(f"/model/{SECOND}/blindtest")
    session = page.jobs.blind
    assert session is not None
    with session._changed:
        assert session._changed.wait_for(lambda: session.is_over, 60)

    assert 'class="message problem"' in page.get("/model/blindtest").text
    assert "mynah:" not in session.problem


def test_the_points_of_a_curve_are_in_its_picture() -> None:
    curve = loss_curve([*STEPS, {"number": 101, "loss": float("nan"), "held_out": None}], of=200)

    assert curve is not None
    points = [tuple(map(float, pair.split(","))) for pair in f"{curve.losses} {curve.smooth} {curve.held_out}".split()]
    assert all(0 <= x <= WIDE / 2 and 0 <= y <= HIGH for x, y in points)
    assert (curve.best, curve.last, len(curve.dots)) == (4.0, 200, 10)
    assert loss_curve(STEPS[:1]) is None


def test_the_bars_of_lengths_are_shares() -> None:
    bars = length_bars((3, 1, 0), (0, 0, 8))

    assert bars is not None
    assert [round(high) for *_, high in bars.person] == [round(HIGH * share / 1.08) for share in (0.75, 0.25, 0)]
    assert bars.longest == "40+"
    assert length_bars((), (1,)) is None
