from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from bot.running import log
from bot.running.log import Redactor
from bot.running.logs.lines import LogLines
from tests.fakes import FakeClock

CANARY = "canary-8d1f77"


@pytest.fixture
def lines() -> io.StringIO:
    stream = io.StringIO()
    log.configure(level="debug", stream=stream, secrets=[CANARY], clock=FakeClock())
    return stream


def last(lines: io.StringIO) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return row


def test_a_line_is_json_with_time_level_and_keys(lines: io.StringIO) -> None:
    structlog.get_logger().info("post.sent", id=7, text="grüße\n")

    assert last(lines) == {
        "event": "post.sent", "level": "info", "at": "2026-11-20T12:00:00.000Z", "id": 7, "text": "grüße\n",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [CANARY, f"in {CANARY} a sentence", [CANARY], {"deep": [{"er": CANARY}]}, CANARY.encode(), ValueError(CANARY)],
    ids=["whole", "part", "list", "nested", "bytes", "object"],
)
def test_a_secret_is_hidden_in_any_value(lines: io.StringIO, value: object) -> None:
    structlog.get_logger().info("x", value=value)

    assert CANARY not in lines.getvalue()
    assert log.HIDDEN in lines.getvalue()


def test_a_secret_in_a_traceback_is_hidden(lines: io.StringIO) -> None:
    try:
        int(CANARY)
    except ValueError:
        structlog.get_logger().exception("tick.failed")

    assert CANARY not in lines.getvalue()
    assert "ValueError" in last(lines)["exception"]


def test_log_lines_of_libraries_are_redacted_too(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("it says %s", CANARY)

    assert last(lines)["event"] == f"it says {log.HIDDEN}"


@pytest.mark.usefixtures("lines")
def test_a_line_that_cannot_be_written_does_not_reach_stderr_with_its_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = io.StringIO()
    full.close()
    log.configure(level="debug", stream=full, secrets=[CANARY], clock=FakeClock())

    structlog.get_logger().info("x", value=CANARY)
    logging.getLogger("some.library").warning("it says %s", CANARY)

    assert CANARY not in capsys.readouterr().err


class Pipe(io.StringIO):
    """Takes lines while somebody reads."""

    is_read = True

    def write(self, text: str) -> int:
        if not self.is_read:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


def test_a_log_that_cannot_be_written_is_reported_once_and_as_long_as_it_lasts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipe = Pipe()
    log.configure(level="info", console=False, stream=pipe, secrets=[], clock=FakeClock())
    reasons = []

    for pipe.is_read in (True, False, False, True, False):
        structlog.get_logger().info("x")
        reasons.append(log.why_unwritable())

    why = "the log cannot be written (Broken pipe)"
    assert reasons == ["", why, why, "", why]
    assert capsys.readouterr().err == f"mynah: {why}; the bot goes on, and `mynah status` shows it\n"


@pytest.mark.parametrize("name", ["tweepy", "requests_oauthlib", "oauthlib", "urllib3"])
def test_libraries_that_log_secrets_are_silent_at_debug(lines: io.StringIO, name: str) -> None:
    logging.getLogger(name).debug("Authorization: %s", CANARY)

    assert lines.getvalue() == ""


@pytest.mark.parametrize("key", ["access_token", "Authorization", "consumer_secret", "password"])
def test_a_key_that_names_a_secret_hides_any_value(key: str) -> None:
    assert Redactor([])(None, "", {key: "anything"}) == {key: log.HIDDEN}


def test_an_oauth_token_is_hidden_by_its_shape() -> None:
    token = "1234567890-" + "a1B2" * 10

    assert Redactor([])(None, "", {"x": f"got {token}!"}) == {"x": f"got {log.HIDDEN}!"}


def test_a_round_on_a_terminal_shows_the_text_with_facts_underneath() -> None:
    output = LogLines()(
        None,
        "",
        {
            "event": "round.ended", "level": "info", "at": "2026-11-20T12:00:00.000Z", "outcome": "dry",
            "slot": "2026-11-20T12:00", "prompt": "My dream is", "text": "My dream is soup.\nHot.", "length": 22,
            "cost": "$0.015", "refused": {"copied": 2}, "detail": "",
        },
    )  # fmt: skip

    for part in ("12:00:00", "My dream is soup.", "Hot.", "dry", "slot 2026-11-20T12:00", "'My dream is'"):
        assert part in output
    for part in ("22 of 280", "would cost $0.015", "2 copied"):
        assert part in output


def test_no_control_character_of_a_value_reaches_the_terminal() -> None:
    output = LogLines()(None, "", {"event": "x", "at": "", "level": "info", "value": "a\x1b[31mb\rc\nd"})

    assert "\x1b[31m" not in output
    assert "\n" not in output
    assert "\r" not in output
