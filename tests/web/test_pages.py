"""What each page shows, and what its buttons do: the real server, a real history, no browser."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot import cli
from bot.config.state_dir import StateDir
from bot.history import review, search
from bot.history.search import Filter
from bot.history.store import Store
from bot.sending import pause
from bot.web import words
from bot.web.reasons import SENTENCES
from tests.fakes import NOON
from tests.test_documents import first_column
from tests.web import world
from tests.web.serving import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.values import Post

pytestmark = pytest.mark.usefixtures("env")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path / "state") as client:
        world.fill(tmp_path / "state", client.site.now())
        yield client


def posts(client: Client) -> dict[str, Post]:
    with client.site.history() as store:
        assert store is not None
        return {post.text: post for post in store.history(limit=100)}


def seen(client: Client, post: int) -> str:
    return re.search(
        rf'/queue/{post}/approve">\s*<input type="hidden" name="seen" value="(\w+)"', client.get("/queue").text
    )[1]


# Words


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=10), "10 min"),
        (timedelta(minutes=59, seconds=50), "1 h"),
        (timedelta(hours=2, minutes=10), "2 h 10 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3, hours=2), "3 days"),
    ],
)
def test_a_span_has_two_units_at_most(length: timedelta, text: str) -> None:
    assert words.span(length) == text
    assert words.relative(NOON + length, NOON) == f"in {text}"
    assert words.relative(NOON - length, NOON) == f"{text} ago"


def test_every_reason_of_the_screen_has_a_sentence() -> None:
    assert set(SENTENCES) == set(first_column("Reasons to refuse a draft"))


# Home


def test_what_needs_a_person_is_on_top_with_its_button(client: Client) -> None:
    with client.site.history_to_write() as store:
        pause.pause(store, until=pause.FOR_GOOD, because="a test")

    text = client.get("/").text

    assert "3 drafts wait for your approval" in text
    assert "There is no model yet" in text
    assert "Paused: a test" in text
    assert text.index("Paused: a test") < text.index("What it would have posted")


def test_a_pause_is_made_and_ended(client: Client) -> None:
    paused = client.follow(client.post("/pause", {"for": "1h"}))
    resumed = client.follow(client.post("/resume"))

    assert "Paused: nothing is posted" in paused.text
    assert 'action="/resume"' in paused.text
    assert 'action="/resume"' not in resumed.text


def test_a_pause_of_no_duration_is_one_sentence(client: Client) -> None:
    answer = client.post("/pause", {"for": "banana"}, {"Referer": f"{client.origin}/"})

    assert "is not a duration" in client.follow(answer).text


def test_an_unknown_post_is_settled_by_its_address(client: Client) -> None:
    with client.site.history_to_write() as store:
        post = world.add(store, "Did it arrive?", client.site.now(), dry=False)
        for state in ("approved", "sending", "unknown"):
            store.move(post, state, at=client.site.now())

    missing = client.follow(client.post(f"/posts/{post}/resolve", {"outcome": "posted", "x_id": ""}))
    client.post(
        f"/posts/{post}/resolve", {"outcome": "posted", "x_id": "https://x.com/somebot/status/1990000000000000001?s=20"}
    )

    assert "paste its address" in missing.text
    assert (posts(client)["Did it arrive?"].state, posts(client)["Did it arrive?"].x_id) == (
        "posted",
        "1990000000000000001",
    )


def test_a_refused_configuration_is_shown_and_the_previous_one_stays(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('bot = "crowbot"\n')
    with serving(tmp_path / "state", config=config) as client:
        client.get("/")
        config.write_text('bot = "crowbot"\nmode = "banana"\n')
        client.site._read_at = -1e9

        text = client.get("/").text

    assert "The configuration is refused" in text
    assert "mode" in text
    assert "@crowbot" in text


# Queue


def test_a_draft_that_was_edited_meanwhile_is_not_approved(client: Client) -> None:
    number = posts(client)[world.WAITING[0]].id
    before = seen(client, number)
    client.post(f"/queue/{number}/edit", {"seen": before, "text": "My dream is something else."})

    answer = client.follow(client.post(f"/queue/{number}/approve", {"seen": before}))

    assert "was edited meanwhile" in answer.text
    assert posts(client)["My dream is something else."].state == "drafted"


def test_the_second_of_two_people_gets_a_sentence(client: Client) -> None:
    number = posts(client)[world.WAITING[0]].id
    before = seen(client, number)
    client.post(f"/queue/{number}/reject", {"seen": before, "because": "no"})

    answer = client.follow(
        client.post(f"/queue/{number}/approve", {"seen": before}, {"Referer": f"{client.origin}/queue"})
    )

    assert f"post {number} is rejected (no)" in answer.text


def test_an_approval_can_be_withdrawn_until_it_is_sent(client: Client) -> None:
    number = posts(client)[world.WAITING[0]].id
    client.post(f"/queue/{number}/approve", {"seen": seen(client, number)})
    stamp = re.search(
        rf'/queue/{number}/reject">\s*<input type="hidden" name="seen" value="(\w+)"', client.get("/queue").text
    )[1]

    client.post(f"/queue/{number}/reject", {"seen": stamp, "because": "withdrawn"})

    assert posts(client)[world.WAITING[0]].state == "rejected"


def test_a_text_is_counted_and_screened_as_one_types(client: Client) -> None:
    number = posts(client)[world.WAITING[0]].id

    long = client.post(f"/queue/{number}/check", {"text": "🙂" * 141}, {"HX-Request": "true"}).text
    own = client.post(f"/queue/{number}/check", {"text": world.WAITING[0]}, {"HX-Request": "true"}).text
    said = client.post(f"/queue/{number}/check", {"text": world.POSTED[0]}, {"HX-Request": "true"}).text

    assert "282 of 280" in long
    assert "too long" in long
    assert "passes the screen" in own
    assert "has said this before" in said


# History


def test_the_pages_of_the_history_show_every_post_once(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history.db") as store:
        made = [world.add(store, f"Number {number} of the lamp.", NOON) for number in range(25)]
        found, before = [], None
        while True:
            page = search.find(store, "post", Filter(), before=before, limit=10)
            found += page.ids
            if page.older is None:
                break
            before = page.older

    assert found == made[::-1]


def test_a_rare_post_is_found_however_many_pages_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "WINDOW", 2)
    monkeypatch.setattr(search, "MOST_ROWS", 5)
    with Store.open(tmp_path / "history.db") as store:
        made = [world.add(store, f"Number {number} of the lamp.", NOON) for number in range(40)]
        review.reject(store, store.post(made[0]), "", NOON)
        found, before, gave_up = [], None, 0
        while True:
            page = search.find(store, "post", Filter(state="rejected"), before=before, limit=10)
            found += page.ids
            gave_up += not page.is_complete
            if page.older is None:
                break
            before = page.older

    assert found == [made[0]]
    assert gave_up > 2


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 10), ("?words=KETTLE", 1), ("?words=banana", 0), ("?state=rejected", 1), ("?kind=reply", 0),
        ("?mode=live", 0), ("?state=banana", 10), ("?before=3", 2),
        ("?before=banana", 10), ("?before=99999999999999999999", 10),
        ("?show=refused", 7), ("?show=refused&reason=link", 6), ("?show=refused&words=word+for", 1),
    ],
)  # fmt: skip
def test_the_history_is_searched_and_filtered(client: Client, query: str, count: int) -> None:
    text = client.get(f"/history{query}").text

    assert text.count('<p dir="auto">') == count


def test_the_story_of_a_post_has_its_reviews_and_what_was_refused_beside_it(client: Client) -> None:
    number = posts(client)["This one was too much of a muchness."].id

    text = client.get(f"/history/{number}").text

    assert re.findall(r"<li><p>([^<:]*)", text) == ["Written", "A person rejected it", "Rejected"]
    assert "not funny" in text


def test_a_post_that_is_not_there_is_one_sentence(client: Client) -> None:
    answer = client.get("/history/999999999999999999999999")

    assert answer.status == 409
    assert "has no post" in answer.text


# Settings


def test_settings_show_origins_and_never_a_secret(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "consumer_key").write_text("hunter2-hunter2")
    (keys / "consumer_key").chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(f'bot = "crowbot"\n[x]\nkeys = "{keys}"\n')
    with serving(tmp_path / "state", config=config) as client:
        text = client.get("/settings").text

    assert "hunter2" not in text
    assert "set, and not shown" in text
    assert f"file {config}" in text


# Predictions, with a real small model in a process of its own


def test_a_prediction_is_posted_in_a_dry_run_and_waits_in_review_mode(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    with serving(state, config=config) as client:
        begun = client.post("/predictions", {"prompt": " My  dream is "})
        path = begun.headers["location"]
        made = client.site.speaker.predictions(path.rpartition("/")[2])
        made.finished.wait(600)
        texts = [draft["text"] for draft in made.drafts]
        first = client.follow(client.post(f"{path}/1/post"))
        config.write_text('mode = "review"\n')
        client.site._read_at = -1e9
        other = next(number for number, text in enumerate(texts, start=1) if text != texts[0])
        second = client.post(f"{path}/{other}/post")
        again = client.follow(client.post(f"{path}/1/post", headers={"Referer": client.origin + path}))
        picture = client.site.speaker.picture(texts[0], "My dream is")

        assert made.problem == ""
        assert len(texts) == 10
        assert all(text.startswith("My dream is") for text in texts)
        assert "nothing was sent to X" in first.text
        assert second.headers["location"] == "/queue"
        assert (posts(client)[texts[0]].state, posts(client)[texts[other - 1]].state) == ("dry", "drafted")
        assert posts(client)[texts[0]].model == "20261120T120000Z-0000"
        assert "said_before" in again.text
        assert picture.startswith(b"\x89PNG")


def test_without_a_model_predictions_say_what_to_do(client: Client) -> None:
    made = client.site.speaker.predict("", number=2, seed=0)

    made.finished.wait(600)

    assert made.problem == "there is no model yet: `mynah retrain` makes one"


def test_the_process_of_the_model_ends_when_nobody_asks(tmp_path: Path) -> None:
    command = [*(Path(os.sys.executable).parent / "python",), "-c", SPEAK, str(tmp_path)]

    result = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, check=False, timeout=120)

    assert result.returncode == 0


SPEAK = """
import sys
from pathlib import Path
from bot.config.settings import Settings
from bot.web.speaking import speak
sys.exit(speak(Settings(state=Path(sys.argv[1])), idle_seconds=0.05))
"""


# The command


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:80", "[::]:80"])
def test_an_address_that_others_reach_needs_a_flag(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["--state", str(tmp_path), "web", "--listen", address])

    assert code == 1
    assert "--allow-remote allows other addresses" in capsys.readouterr().err


def test_a_new_link_is_printed_once_and_kept_as_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["--state", str(tmp_path), "web", "--new-token"])

    link = capsys.readouterr().out.strip()
    assert code == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:8766/signin\?token=[\w-]{43}", link)
    assert link.rpartition("=")[2] not in (StateDir(tmp_path).root / "web.json").read_text()
