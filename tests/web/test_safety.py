"""What the page refuses: other sites, other names, frames, guesses, and clients that are too slow or send too much."""

from __future__ import annotations

import re
import socket
import stat
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from bot.history.store import Store
from bot.web import guard
from bot.web.server import Protocol
from tests.web import world
from tests.web.serving import Client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_TEXT = "A bell rings in the roof."
PAGES = ("/", "/begin?wait=1", "/model", "/people?wait=1", "/queue")


@pytest.fixture(scope="module")
def page(env: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    state = tmp_path_factory.mktemp("web") / "state"
    with serving(state) as client:
        now = client.site.now()
        world.fill(state, now)
        with Store.open(state / "history.db") as store:
            world.reply(store, f"Somebody said {world.EVIL}", now, handle=world.EVIL)
        yield client


def approved(page: Client) -> bool:
    with page.site.history() as store:
        assert store is not None
        return bool(store.posts_in("approved", dry=True))


def first_draft(page: Client) -> tuple[str, dict[str, str]]:
    text = page.get("/queue").text
    form = re.search(r'action="(/queue/\d+/approve)">\s*<input type="hidden" name="seen" value="(\w+)"', text)
    return form[1], {"seen": form[2]}


# Another site


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},  # another program on this machine
        {"Sec-Fetch-Site": "none"},
    ],
    ids=["origin", "null", "neither", "fetch-site", "port", "typed"],
)
def test_a_form_of_another_site_changes_nothing(page: Client, headers: dict[str, str | None]) -> None:
    path, form = first_draft(page)

    answer = page.post(path, form, headers)

    assert answer.status == 403
    assert not approved(page)


def test_a_form_without_a_session_changes_nothing(page: Client) -> None:
    path, form = first_draft(page)

    answer = page.post(path, form, {"Cookie": None})

    assert answer.status == 401
    assert not approved(page)


def test_reading_never_changes_anything(page: Client) -> None:
    path, _ = first_draft(page)

    answer = page.get(path)

    assert answer.status == 405


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"])
def test_another_name_for_this_machine_gets_no_answer(page: Client, host: str) -> None:
    answer = page.get("/", {"Host": host})

    assert answer.status == 421
    assert "mynahbot" not in answer.text


def test_two_hosts_get_no_answer(page: Client) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {page.host}\r\nHost: evil.example\r\n\r\n".encode())
        answer = client.recv(4_096)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 421"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_names_of_loopback_are_ours(page: Client, host: str) -> None:
    assert page.get("/", {"Host": f"{host}:{page.port}"}).status == 200


def test_a_name_of_the_configuration_is_ours(env: None, tmp_path: Path) -> None:
    with serving(tmp_path, hosts=["mynah.example"]) as page:
        answer = page.get("/", {"Host": "mynah.example"})

    assert answer.status == 200


@pytest.mark.parametrize("path", ["/", "/queue", "/signin", "/static/style.css", "/nowhere", "/static/../site.py"])
def test_every_answer_has_the_headers_of_a_page_that_cannot_be_framed(page: Client, path: str) -> None:
    headers = page.get(path).headers

    assert headers.items() >= guard.HEADERS.items()
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_files_beside_the_static_ones_are_not_served(page: Client) -> None:
    for path in ("/static/../site.py", "/static/..%2fsite.py", "/static/%2e%2e/templates/base.html"):
        assert page.get(path).status == 404


# Texts of others


class Elements(HTMLParser):
    """The elements of a page with their attributes, as a browser reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_code(page: Client, path: str) -> None:
    elements = Elements(page.get(path).text).elements

    assert len(elements) > 20
    for tag, attributes in elements:
        assert tag not in {"style", "iframe", "object", "embed", "base"}
        assert tag != "script" or attributes.get("src", "").startswith("/static/")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not [value for value in attributes.values() if (value or "").lower().startswith("javascript:")]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_another_host(page: Client, path: str) -> None:
    elements = Elements(page.get(path).text).elements
    loaded = [
        attributes.get(name) or "" for _, attributes in elements for name in ("src", "action", "hx-get", "hx-post")
    ]
    links = [attributes["href"] or "" for tag, attributes in elements if tag == "link"]

    assert {urlsplit(address).netloc for address in loaded + links} == {""}


def test_a_handle_and_a_text_with_markup_are_shown_as_text(page: Client) -> None:
    text = page.get("/queue").text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\u202e" not in text
    assert "\\u202e" in text


# A reverse proxy


def through_socket(path: Path, *headers: str) -> int:
    """The status of Home, as a proxy asks for it through a Unix socket."""
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.settimeout(20)
        proxy.connect(str(path))
        lines = ["GET / HTTP/1.1", "Host: mynah.example", "Connection: close", *headers]
        proxy.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(proxy.recv(4_096).split()[1])


def test_a_proxy_on_a_unix_socket_may_name_the_user(env: None, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[web]\nhosts = ["mynah.example"]\nuser_header = "X-Remote-User"\nusers = ["anna"]\n')
    path = tmp_path / "page.sock"
    with serving(tmp_path / "state", config=config, hosts=["mynah.example"], address=path) as page:
        statuses = {
            "anna": through_socket(path, "X-Remote-User: anna"),
            "bert": through_socket(path, "X-Remote-User: bert"),
            "both": through_socket(path, "X-Remote-User: bert", "X-Remote-User: anna"),
            "nobody": through_socket(path),
        }
        mode = stat.S_IMODE(path.stat().st_mode)
    with serving(tmp_path / "state", config=config, hosts=["mynah.example"]) as page:
        on_loopback = page.get("/", {"Cookie": None, "Host": "mynah.example", "X-Remote-User": "anna"}).status

    assert statuses == {"anna": 200, "bert": 303, "both": 303, "nobody": 303}
    assert on_loopback == 303
    assert mode == 0o660


# Signing in


def test_without_a_session_a_page_leads_to_the_sign_in(page: Client) -> None:
    answer = page.get("/queue", {"Cookie": None})

    assert (answer.status, answer.headers["location"]) == (303, "/signin?next=/queue")


def test_the_link_signs_in_with_a_cookie_that_no_script_and_no_other_site_gets(page: Client) -> None:
    answer = page.get(f"/signin?token={page.token}", {"Cookie": None})

    cookie = answer.headers["set-cookie"]
    assert answer.status == 303
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert page.token not in cookie
    assert page.get("/", {"Cookie": cookie.split(";")[0]}).status == 200


def test_behind_a_proxy_with_encryption_the_cookie_is_secure(page: Client) -> None:
    answer = page.get(f"/signin?token={page.token}", {"X-Forwarded-Proto": "https"})

    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d%0aX:y"])
def test_a_sign_in_leads_to_no_other_site(page: Client, there: str) -> None:
    answer = page.get(f"/signin?token={page.token}&next={there}")

    assert answer.headers["location"] == "/"


def test_a_link_from_another_site_opens_the_page_and_not_the_sign_in(page: Client) -> None:
    headers = {"Cookie": None, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}

    answer = page.get("/queue", headers)

    assert answer.status == 200
    assert 'http-equiv="refresh"' in answer.text


def test_what_is_kept_of_a_token_and_a_session_cannot_sign_in(env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as page:
        file = tmp_path / "web.json"
        kept = file.read_text()
        stolen = re.findall(r'"([0-9a-f]{64})"', kept)

        assert page.token not in kept
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert all(page.get(f"/signin?token={one}", {"Cookie": None}).status == 403 for one in stolen)
        assert all(page.get("/", {"Cookie": f"{page.site.cookie}={one}"}).status == 303 for one in stolen)


def test_a_new_token_ends_the_old_one_and_all_sessions(env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as page:
        page.site.access.new_token()

        assert page.get("/").status == 303
        assert page.get(f"/signin?token={page.token}").status == 403


def test_signing_out_ends_the_session_everywhere(env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as page:
        page.post("/signout")

        assert page.get("/").headers["location"] == "/signin"


def test_guessing_is_slowed_down_even_for_the_right_token(env: None, tmp_path: Path) -> None:
    with serving(tmp_path) as page:
        guesses = [page.get("/signin?token=guess", {"Cookie": None}).status for _ in range(7)]
        right = page.get(f"/signin?token={page.token}", {"Cookie": None})

    assert guesses == [403] * 5 + [429] * 2
    assert right.status == 429
    assert 0 < int(right.headers["retry-after"]) <= 15


# Clients that are slow, or send too much


def test_a_client_that_sends_half_a_request_is_disconnected(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "head_seconds", 0.2)

    for begun in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
        with socket.create_connection(("127.0.0.1", page.port), timeout=20) as client:
            client.sendall(begun)

            assert client.recv(1_024) == b""
    assert page.get("/").status == 200


def test_a_client_that_never_sends_its_form_is_disconnected(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "FORM_SECONDS", 0.2)
    head = (
        f"POST /pause HTTP/1.1\r\nHost: {page.host}\r\nCookie: {page.cookie}\r\nOrigin: {page.origin}\r\n"
        "Content-Length: 100\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as client:
        client.sendall(head.encode())
        answer = client.recv(1_024)

    assert answer.startswith(b"HTTP/1.1 408")


def test_a_form_that_is_too_large_is_refused(page: Client) -> None:
    answer = page.post("/pause", {"for": "x" * (guard.SMALL + 1)})

    assert answer.status == 413


def test_headers_without_end_are_refused(page: Client) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        answer = client.recv(1_024)

    assert answer.startswith(b"HTTP/1.1 4")
