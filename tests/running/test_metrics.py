"""The metrics for Prometheus, and the requests that the server refuses."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config.settings import Settings
from bot.errors import MynahError
from bot.running import metrics
from tests.installed import MYNAH, environment, mynah

GET = "GET /metrics HTTP/1.1\r\nHost: localhost:9\r\n\r\n"
ROW = {
    "version": "0.1.0",
    "bot": "crow",
    "mode": "live",
    "model": 'a"b\\c',
    "running": True,
    "heartbeat_age": 3.5,
    "next_slot": "2026-11-21T16:36:18.000Z",
    "last_slot": None,
    "last_post": None,
    "paused": "for good",
    "unknown": [12],
    "to_review": 2,
    "alerts": [],
    "last_backup": None,
    "mention_lag": None,
    "posts": {"posted": 5, "unknown": 1},
    "refusals": {"slur": 3},
    "mentions": {},
    "spent_today": "$0.090",
    "spent_this_month": "$1.000",
    "budget_per_day": "$0.500",
    "budget_per_month": "$5.000",
}


def ask(address: tuple[str, int] | Path, request: str) -> tuple[int, str]:
    with socket.socket(socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET) as client:
        client.settimeout(20)
        client.connect(str(address) if isinstance(address, Path) else address)
        client.sendall(request.encode())
        answer = b"".join(iter(lambda: client.recv(65_536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


@pytest.fixture
def server() -> metrics.MetricsServer:
    server = metrics.MetricsServer(("127.0.0.1", 0), lambda: metrics.exposition(ROW), time.monotonic)
    yield server  # type: ignore[misc]
    server.close()


def test_every_metric_has_its_type_and_unknown_values_are_left_out() -> None:
    lines = metrics.exposition(ROW).splitlines()

    for line in lines:
        assert re.fullmatch(r'# (HELP|TYPE) mynah_\w+ .+|mynah_\w+(\{(\w+="(\\.|[^"\\])*",?)*\})? -?[\d.e+]+', line), (
            line
        )
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")} <= names
    assert 'mynah_info{bot="crow",mode="live",model="a\\"b\\\\c",version="0.1.0"} 1.0' in lines
    assert 'mynah_posts{state="posted"} 5.0' in lines
    assert 'mynah_spent_dollars{span="day"} 0.09' in lines
    assert 'mynah_refusals_total{reason="slur"} 3.0' in lines
    assert "# TYPE mynah_refusals_total counter" in lines
    assert "mynah_next_slot_timestamp_seconds 1.795278978e+09" in lines
    assert ("mynah_paused 1.0" in lines, "mynah_unknown_posts 1.0" in lines) == (True, True)
    assert not any("last_slot" in line for line in lines)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (GET, 200),
        (GET.replace("localhost:9", "127.0.0.1"), 200),
        (GET.replace("localhost:9", "[::1]:9464"), 200),
        (GET.replace("localhost:9", "evil.example"), 421),
        (GET.replace("localhost:9", "127.0.0.1.evil.example:80"), 421),
        (GET.replace("Host: localhost:9\r\n", ""), 421),
        (GET.replace("\r\n\r\n", "\r\nHost: evil.example\r\n\r\n"), 421),
        (GET.replace("GET", "POST"), 405),
        (GET.replace("/metrics", "/../etc/passwd"), 404),
        (GET.replace("/metrics", "/"), 404),
        ("\r\n\r\n", 421),
        ("x" * 20_000, 0),
    ],
    ids=lambda part: str(part)[:60],
)
def test_only_a_get_of_metrics_with_a_loopback_host_is_answered(
    server: metrics.MetricsServer, request_: str, status: int
) -> None:
    try:
        actual, body = ask(("127.0.0.1", server.port), request_)
    except ConnectionError:  # the request was too long
        actual, body = 0, ""

    assert actual == status
    assert ("mynah_info" in body) == (status == 200)


def test_a_slow_client_is_dropped_and_the_next_one_is_answered() -> None:
    seconds = chain([0.0, 1.95, 1.95], repeat(0.0))  # of the two seconds, little is left
    server = metrics.MetricsServer(("127.0.0.1", 0), lambda: "well\n", lambda: next(seconds))
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"GET /met")
        response = ask(("127.0.0.1", server.port), GET)
    server.close()

    assert response == (200, "well\n")


def test_an_exception_is_a_503_and_the_server_goes_on() -> None:
    answers = iter([MynahError("the history is gone"), None])

    def text() -> str:
        if error := next(answers):
            raise error
        return "well\n"

    server = metrics.MetricsServer(("127.0.0.1", 0), text, time.monotonic)
    first, second = ask(("127.0.0.1", server.port), GET), ask(("127.0.0.1", server.port), GET)
    server.close()

    assert first == (503, "the history is gone\n")
    assert second == (200, "well\n")


def test_the_socket_of_a_killed_bot_is_replaced_and_another_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    server = metrics.MetricsServer(path, lambda: "here\n", time.monotonic)
    response = ask(path, GET)
    server.close()
    (tmp_path / "mine").write_text("mine")

    assert response == (200, "here\n")
    assert not path.exists()
    with pytest.raises(MynahError, match=r"metrics\.listen"):
        metrics.MetricsServer(tmp_path / "mine", str, time.monotonic)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_socket_in_use_by_another_bot_is_not_taken_over(tmp_path: Path) -> None:
    other = metrics.MetricsServer(tmp_path / "metrics", lambda: "theirs\n", time.monotonic)
    with pytest.raises(MynahError, match="in use"):
        metrics.MetricsServer(tmp_path / "metrics", lambda: "ours\n", time.monotonic)
    response = ask(tmp_path / "metrics", GET)
    other.close()

    assert response == (200, "theirs\n")


def test_the_server_survives_a_lack_of_file_descriptors(server: metrics.MetricsServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as first, socket.socket() as second:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            for client in (first, second):  # accept() already holds a descriptor for the first
                client.settimeout(0.5)
                client.connect(("127.0.0.1", server.port))
                client.sendall(GET.encode())
            with suppress(TimeoutError):
                first.recv(65_536)
            with pytest.raises(TimeoutError):
                second.recv(1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        second.settimeout(20)

        assert second.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9464", "192.168.0.2:80", "example.com:80", "127.0.0.1", "[::]:1", "::1:x", "9464"]
)
def test_an_address_that_is_not_local_is_a_configuration_error(address: str) -> None:
    with pytest.raises(ValidationError, match="not a loopback address or a socket"):
        Settings(metrics={"listen": address})  # type: ignore[arg-type]


def test_the_metrics_of_a_running_bot_agree_with_its_status(state: Path) -> None:
    path = state.parent / "m"
    command = [MYNAH, "--state", state, "run", "--dry-run", "--every", "1s"]
    variables = environment(MYNAH_METRICS__LISTEN=str(path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:
        timeout = threading.Timer(120, process.kill)
        timeout.start()
        try:
            assert process.stdout
            next(line for line in process.stdout if '"round.ended"' in line)
            next(line for line in process.stdout if '"round.ended"' in line)
            status, page = ask(path, GET)
            row = json.loads(mynah("status", "--json", state=state).stdout)
            process.send_signal(signal.SIGTERM)
            rest = process.stdout.read()
        finally:
            timeout.cancel()
            process.kill()

    assert status == 200
    assert "mynah_running 1.0" in page
    assert f'model="{row["model"]}"' in page
    assert re.search(r'^mynah_posts\{state="dry"\} \d', page, re.MULTILINE)
    assert 0 <= row["heartbeat_age"] < 60
    assert row["last_slot_was"] == "spoken"
    assert "daemon.stopped" in rest
    assert not path.exists()


def log_of_a_round(state: Path, **changes: str) -> tuple[str, str]:
    """Standard output of a bot until its first round has ended, and its standard error."""
    command = [MYNAH, "--state", state, "run", "--dry-run", "--every", "1s"]
    env = environment(**changes)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        timeout = threading.Timer(120, process.kill)
        timeout.start()
        try:
            assert process.stdout
            lines = []
            for line in process.stdout:
                lines.append(line)
                if '"round.ended"' in line:
                    process.send_signal(signal.SIGTERM)
            _, err = process.communicate()
        finally:
            timeout.cancel()
            process.kill()
    return "".join(lines), err


@pytest.mark.parametrize("is_served", [True, False])
def test_the_library_is_loaded_only_where_metrics_are_served(state: Path, is_served: bool) -> None:
    listen = str(state.parent / "m") if is_served else ""

    _, imported = log_of_a_round(state, MYNAH_METRICS__LISTEN=listen, PYTHONPROFILEIMPORTTIME="1")

    assert ("prometheus_client" in imported) is is_served


def test_a_bot_without_the_library_runs_without_metrics(state: Path) -> None:
    error = "ModuleNotFoundError(\"No module named 'prometheus_client'\", name='prometheus_client')"
    (state.parent / "prometheus_client.py").write_text(f"raise {error}\n")

    log, _ = log_of_a_round(state, MYNAH_METRICS__LISTEN=str(state.parent / "m"), PYTHONPATH=str(state.parent))

    assert '"metrics.failed"' in log
    assert '"daemon.stopped"' in log
