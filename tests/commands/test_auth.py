"""`mynah auth` as a person uses it, against a fake X: which keys it stores, and that it shows no secret."""

from __future__ import annotations

import io
import json
import re
import stat
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.commands import auth
from bot.x import signin
from bot.x.wire import Wire
from tests.fake_x.server import FakeX
from tests.fake_x.signin import CLIENT_ID, CLIENT_SECRET
from tests.fake_x.state import User, World, newcomer
from tests.installed import MYNAH, environment, lines, mynah

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ME = newcomer()
OWNER = User("1400000000000000001", "stationmaster", "A person", "1400000000000000001-fake", ME.secrets)
ANSWERS = {
    "consumer_key": ME.secrets.consumer_key,
    "consumer_secret": ME.secrets.consumer_secret,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
}


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A browser that does not follow redirects."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Login:
    code: int
    output: str


class Person:
    """A person at the terminal, with a browser that is signed in to X."""

    def __init__(self, x: FakeX, folder: Path) -> None:
        self.x = x
        self.folder = folder
        self.as_whom = ME.handle
        self.typed = dict(ANSWERS)
        self.answer = ""  # instead of the PIN or the address that the browser shows
        self.before_the_end = ""  # a fault of the next request

    def log_in(self, *arguments: str, **changes: str) -> Login:
        command = [MYNAH, "--config", self.folder / "config.toml", "--state", self.folder / "state", "auth", *arguments]
        output, address = [], ""
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(**changes),
        ) as run:  # fmt: skip
            assert run.stdout
            assert run.stdin
            for line in run.stdout:
                output.append(line)
                address = line.strip() if line.startswith("http") else address
                if line.rstrip().endswith(":") and (answer_ := self._types(line, address)) is not None:
                    run.stdin.write(f"{answer_}\n")
                    run.stdin.flush()
        return Login(run.returncode, "".join(output))

    def _types(self, line: str, address: str) -> str | None:
        name = line.split(" ", maxsplit=1)[0]
        if name in self.typed:
            return self.typed[name]
        if not line.startswith("the "):
            return None
        answer = self._opens(f"{address}&as={self.as_whom}")
        if self.before_the_end:
            self.x.fail_with(self.before_the_end)
        return self.answer or answer

    def _opens(self, address: str) -> str:
        try:
            with urllib.request.build_opener(NoRedirects).open(address) as page:
                return str(re.findall(r"<code>(\d+)</code>", page.read().decode())[0])
        except urllib.error.HTTPError as answer:
            with answer:
                return str(answer.headers["Location"])

    def configure(self, text: str = "") -> None:
        config = f'bot = "{ME.handle}"\nlive = true\n[x]\nbase_url = "{self.x.url}"\n{text}'
        (self.folder / "config.toml").write_text(config)

    @property
    def files(self) -> dict[str, str]:
        """The stored files, each readable only by its owner."""
        paths = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix not in {".toml", ".lock"}]
        assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) != 0o600] == []
        return {path.name: path.read_text() for path in paths}


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with FakeX(World(ME, OWNER, now=lambda: datetime.now(UTC))) as x:
        user = Person(x, tmp_path)
        user.configure()
        yield user
    assert x.broken == []


def secrets_of(person: Person) -> list[str]:
    login = [token for family in person.x.api.signin.families for token in (*family.access, family.refresh)]
    return [secret for secret in (ME.access_token, ME.secrets.token_secret, CLIENT_SECRET, *login) if secret]


def test_a_pin_becomes_four_key_files_that_work(person: Person) -> None:
    login = person.log_in()
    person.configure(f'keys = "{person.folder / "keys"}"\n')
    check = mynah("--config", person.folder / "config.toml", "auth", "--check", "--json", state=person.folder / "state")

    assert login.code == 0, login.output
    assert person.files == {
        "consumer_key": f"{ME.secrets.consumer_key}\n",
        "consumer_secret": f"{ME.secrets.consumer_secret}\n",
        "access_token": f"{ME.access_token}\n",
        "access_token_secret": f"{ME.secrets.token_secret}\n",
    }
    assert f'keys = "{person.folder / "keys"}"' in login.output
    assert [(row["check"], row["verdict"]) for row in lines(check.stdout)][:2] == [("handle", "ok"), ("access", "ok")]


def test_an_oauth_2_login_becomes_one_file_that_works(person: Person) -> None:
    person.configure('auth = "oauth2"\n')
    login = person.log_in()
    person.configure(f'auth = "oauth2"\nkeys = "{person.folder / "keys"}"\n')
    check = mynah("--config", person.folder / "config.toml", "auth", "--check", "--json", state=person.folder / "state")

    assert login.code == 0, login.output
    assert set(person.files) == {"client_id", "client_secret", "oauth2.json"}
    stored = json.loads(person.files["oauth2.json"])
    assert (stored["account"], stored["handle"]) == (ME.id, ME.handle)
    assert check.returncode == 0, check.stdout + check.stderr


def test_configured_keys_are_neither_asked_for_nor_written_again(person: Person) -> None:
    person.typed = {}
    keys = {"MYNAH_X__CONSUMER_KEY": ME.secrets.consumer_key, "MYNAH_X__CONSUMER_SECRET": ME.secrets.consumer_secret}

    login = person.log_in(**keys)

    assert login.code == 0, login.output
    assert set(person.files) == {"access_token", "access_token_secret"}


@pytest.mark.parametrize("auth", ["oauth1", "oauth2"])
def test_read_only_keys_are_not_stored(person: Person, auth: str) -> None:
    person.x.world.users[ME.id] = replace(ME, access="read")
    person.configure(f'auth = "{auth}"\n')

    login = person.log_in()

    assert (login.code, person.files) == (1, {})
    assert "nothing is stored" in login.output
    assert "set Read and write for the app" in login.output


@pytest.mark.parametrize("auth", ["oauth1", "oauth2"])
def test_the_keys_of_another_account_are_not_stored(person: Person, auth: str) -> None:
    """The browser may be signed in as the person: with these keys the bot would post as the person."""
    person.as_whom = OWNER.handle
    person.configure(f'auth = "{auth}"\n')

    login = person.log_in()

    assert (login.code, person.files) == (1, {})
    assert "the keys belong to @stationmaster, the configuration is for @stationmynah" in login.output


@pytest.mark.parametrize(
    ("auth", "answer", "message"),
    [
        ("oauth1", "0000000x", "the PIN is wrong or too old"),
        ("oauth1", " ", "nothing was entered"),
        ("oauth2", "http://127.0.0.1:8765/?state=another&code=abc", "this is not the address"),
        ("oauth2", "what?", "this is not the address"),
        ("oauth2", "http://127.0.0.1:8765/?error=access_denied", "access was denied on X"),
    ],
)
def test_a_wrong_answer_gives_one_sentence_and_stores_nothing(
    person: Person, auth: str, answer: str, message: str
) -> None:
    person.answer = answer
    person.configure(f'auth = "{auth}"\n')

    login = person.log_in()

    assert (login.code, person.files) == (1, {})
    assert message in login.output.splitlines()[-1]


def test_wrong_app_keys_give_one_sentence(person: Person) -> None:
    person.typed["consumer_secret"] = "another"

    login = person.log_in()

    assert (login.code, person.files) == (1, {})
    assert "it does not accept these keys" in login.output


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "http://[::1", "http://127.0.0.1:99999/"])
def test_a_redirect_that_is_invalid_or_leaves_this_machine_is_refused(person: Person, address: str) -> None:
    person.configure(f'auth = "oauth2"\nredirect = "{address}"\n')

    login = person.log_in()

    assert login.code == 78
    assert "is not like http://127.0.0.1:8765/" in login.output


@pytest.mark.parametrize(("auth", "fault"), [("oauth1", "cut"), ("oauth2", "created_html")])
def test_a_lost_response_stores_nothing_and_shows_no_secret(person: Person, auth: str, fault: str) -> None:
    """test_faults.py has every other fault."""
    person.configure(f'auth = "{auth}"\n')
    person.before_the_end = fault

    login = person.log_in(MYNAH_LOG__LEVEL="debug")

    assert (login.code, person.files) == (1, {})
    assert "Traceback" not in login.output
    assert [secret for secret in secrets_of(person) if secret in login.output] == []


def test_a_mistyped_pin_may_be_typed_again_on_a_terminal(
    person: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    consumer = ME.secrets.consumer_key, ME.secrets.consumer_secret
    with closing(Wire(person.x.url)) as wire:
        pin = signin.ask_for_pin(wire, *consumer)
        right = person._opens(f"{pin.address}&as={ME.handle}")
        keyboard = io.StringIO(f"0000000\n{right}\n")
        keyboard.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", keyboard)

        login = auth._typed_pin(wire, consumer, pin)

    assert login.handle == ME.handle
    assert "the PIN is wrong or too old" in capsys.readouterr().err
