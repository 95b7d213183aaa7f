"""Targets against real servers: what arrives, how failures are described, and what is never said."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest

from bot.running.notifications.targets import open_targets
from tests.running.notifications.servers import ntfy_server, smtp_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running.notifications.servers import Ntfy

TEXT = "Draft 7: <b>soup</b> & *stars* 🫠\nIt expires on Fri 20 Nov at 20:00.\n\nhttps://mynah.example.org/queue"


@pytest.fixture
def ntfy() -> Iterator[Ntfy]:
    with ntfy_server() as server:
        yield server


def test_a_message_arrives_as_plain_text_without_a_picture_from_another_host(ntfy: Ntfy) -> None:
    error = open_targets({"phone": ntfy.url})["phone"].send("@crow: 1 draft waits for you", TEXT)

    assert error == ""
    assert ntfy.messages == [{"topic": "topic-canary", "title": "@crow: 1 draft waits for you", "message": TEXT}]
    assert ntfy.icons == [None]


def test_a_mail_arrives_as_plain_text() -> None:
    with smtp_server() as mailbox:
        error = open_targets({"mail": mailbox.url})["mail"].send("@crow: the day", TEXT)

    (mail,) = mailbox.mails
    assert error == ""
    assert (mail["Subject"], mail["To"]) == ("@crow: the day", "me@example.org")
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines()[:4] == TEXT.splitlines()


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refusal_is_described_by_its_status(ntfy: Ntfy, status: int) -> None:
    ntfy.answers = [status]

    error = open_targets({"phone": ntfy.url})["phone"].send("title", "body")

    assert error == f"it answered {status}"


@pytest.mark.parametrize("scheme", ["ntfy", "mailto"])
def test_a_server_that_is_down_is_described_and_nothing_secret_is_said_or_logged(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"{scheme}://canary-user:canary-pass@127.0.0.1:{port}/canary-topic?from=me@example.org&to=me@example.org"
        with caplog.at_level(logging.DEBUG):
            error = open_targets({"one": url})["one"].send("title", "body")

    assert error == "it cannot be reached"
    assert "canary" not in caplog.text


def test_a_url_that_apprise_does_not_know_fails_alone_and_is_not_quoted(
    ntfy: Ntfy, caplog: pytest.LogCaptureFixture
) -> None:
    targets = open_targets({"phone": "nope://canary-topic", "tablet": ntfy.url})

    errors = [target.send("title", "body") for target in targets.values()]

    assert errors == ["Apprise does not know its URL: see https://github.com/caronc/apprise/wiki", ""]
    assert "canary" not in caplog.text
