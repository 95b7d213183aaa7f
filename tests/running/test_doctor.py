"""`mynah doctor`: each check by itself, and the command against a fake X."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bot import cli
from bot.config.owner import why_unsafe
from bot.errors import ModelError
from bot.history import refusals
from bot.history.store import Store
from bot.running import doctor
from bot.screen import chain
from bot.values import Draft, Reason, Slot
from bot.voice.model_voice import ModelMemory
from bot.x.payloads import Account
from bot.x.tokens import Grant
from tests.fake_x.faults import Fault
from tests.fake_x.server import FakeX
from tests.fake_x.state import User, World, newcomer
from tests.fakes import NOON, FakeVoice
from tests.installed import SENTENCES, environment, lines, mynah
from training import installation
from training.models import registry
from training.profile import memory, memory_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.running.doctor import Check

ME = newcomer()
REAL_X = "https://api.x.com"
SCREEN = chain.build(was_posted=lambda _: False, copy_of=lambda _: False)


LOGIN = Grant("a", "b", expires=0.0, account="1", handle="bird")


def profile(bio: str, *, live: bool = False) -> Check:
    return doctor.profile(Account("1", "bird", "Bird", bio), "bird", live=live)


# Each check


@pytest.mark.parametrize(
    ("check", "verdict", "message"),
    [
        pytest.param(doctor.keys([], live=True), "ok", "are set", id="keys"),
        pytest.param(doctor.keys(["x.access_token"], live=True), "fail", "x.access_token not set", id="a key missing"),
        pytest.param(doctor.keys(["x.access_token"], live=False), "warn", "not set", id="a key not needed yet"),
        pytest.param(doctor.account("1", "1"), "ok", "account 1", id="account"),
        pytest.param(doctor.account("1", None), "ok", "no account yet", id="no account"),
        pytest.param(doctor.account("2", "1"), "fail", "account 2", id="another account"),
        pytest.param(doctor.label("bird", "bird", live=True, on_x=True), "ok", "@bird", id="label"),
        pytest.param(doctor.label(None, "bird", live=True, on_x=True), "fail", "nobody", id="label not confirmed"),
        pytest.param(doctor.label("crow", "bird", live=True, on_x=True), "fail", "@bird", id="label of another"),
        pytest.param(doctor.label(None, "bird", live=False, on_x=True), "warn", "nobody", id="label not needed yet"),
        pytest.param(doctor.label(None, "bird", live=True, on_x=False), "ok", "not X", id="label where X is not"),
        pytest.param(doctor.clock(NOON, None), "ok", "2026-11-20 12:00", id="clock"),
        pytest.param(doctor.clock(datetime(1970, 1, 1, tzinfo=UTC), None), "fail", "1970", id="clock never set"),
        pytest.param(doctor.clock(datetime(2300, 1, 1, tzinfo=UTC), None), "fail", "2300", id="clock far ahead"),
        pytest.param(doctor.clock(NOON, NOON + timedelta(hours=1)), "warn", "until 2026-11-20 13", id="clock set back"),
        pytest.param(doctor.clock_of_x(NOON, NOON - timedelta(seconds=1)), "ok", "1 s", id="clock as X's"),
        pytest.param(doctor.clock_of_x(NOON, NOON + timedelta(minutes=1)), "warn", "60 s", id="clock off"),
        pytest.param(doctor.clock_of_x(NOON, NOON - timedelta(hours=1)), "fail", "3600 s", id="clock far off"),
        pytest.param(doctor.library(0, 0), "warn", "empty", id="library empty"),
        pytest.param(doctor.library(1, 4000), "ok", "4,000", id="library"),
        pytest.param(doctor.identity("Bird", "bird"), "ok", "@Bird", id="handle"),
        pytest.param(doctor.identity("crow", "bird"), "fail", "@crow", id="handle of another"),
        pytest.param(doctor.access("read-write"), "ok", "read-write", id="access"),
        pytest.param(doctor.access("read"), "fail", "only reading", id="access to read"),
        pytest.param(doctor.access(None), "warn", "does not say", id="access unknown"),
        pytest.param(doctor.login(LOGIN, live=True), "ok", "of @bird", id="login"),
        pytest.param(doctor.login(None, live=True), "fail", "not logged in", id="login missing"),
        pytest.param(doctor.login(None, live=False), "warn", "not logged in", id="login not needed yet"),
        pytest.param(doctor.login(replace(LOGIN, tries=3), live=True), "fail", "used up", id="login used up"),
        pytest.param(profile("A bot by @keeper", live=True), "ok", "names a person", id="profile"),
        pytest.param(
            profile("Automatisch, von @keeper"),
            "ok",
            "is a bot",
            id="profile in German",
        ),
        pytest.param(
            profile("I like crumbs, says @keeper"),
            "warn",
            "a bot",
            id="no bot in it",
        ),
        pytest.param(profile("A bot"), "warn", "who runs it", id="no person in it"),
        pytest.param(profile("A bot, @Bird"), "warn", "who runs it", id="itself in it"),
        pytest.param(profile(""), "warn", "a bot nor who runs it", id="no profile"),
        pytest.param(profile("A bird", live=True), "fail", "a bot", id="no label when live"),
        pytest.param(
            doctor.label("bird", "bird", "not a word of a bot", live=True, on_x=True),
            "fail",
            "not a word",
            id="confirmed, but X showed no label",
        ),
        pytest.param(doctor.engine(["torch"], "start", "pip"), "fail", "torch not installed", id="no engine"),
        pytest.param(doctor.engine([], "start", ""), "ok", "everything is installed", id="engine"),
    ],
)
def test_a_check_has_a_result_and_what_to_do(check: Check, verdict: str, message: str) -> None:
    assert check.verdict == verdict
    assert message in check.detail
    assert bool(check.do) == (verdict != "ok") or check == doctor.access(None)


def mounts(*entries: tuple[str, str]) -> str:
    return "\n".join(f"22 27 0:21 / {target} rw,relatime shared:1 - {kind} dev rw" for target, kind in entries)


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        pytest.param([("/", "ext4")], "ok", id="local"),
        pytest.param([("/", "ext4"), ("{}", "nfs4")], "fail", id="network"),
        pytest.param([("/", "nfs4"), ("{}", "ext4")], "ok", id="the deepest counts"),
        pytest.param([("{}", "nfs4"), ("{}", "ext4")], "ok", id="the topmost counts"),
        pytest.param([("/", "ext4"), ("{}", "tmpfs")], "warn", id="memory"),
        pytest.param([("/", "ext4"), ("{}x", "nfs4")], "ok", id="a neighbour"),
        pytest.param([], "ok", id="unknown"),
    ],
)
def test_the_history_needs_a_local_disk(tmp_path: Path, entries: list[tuple[str, str]], verdict: str) -> None:
    mountinfo = mounts(*((target.format(tmp_path.resolve()), kind) for target, kind in entries))

    assert doctor.disk(tmp_path / "state", mountinfo).verdict == verdict


@pytest.mark.parametrize(("mode", "verdict"), [(0o700, "ok"), (0o750, "warn"), (0o701, "warn")])
def test_only_the_owner_may_read_the_folder(tmp_path: Path, mode: int, verdict: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)

    assert doctor.private(tmp_path / "state", "", live=True).verdict == verdict


@pytest.mark.parametrize(("live", "verdict"), [(True, "fail"), (False, "warn")])
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
def test_a_folder_that_others_may_write_to_keeps_a_bot_from_going_live(
    tmp_path: Path, state: Path, mode: int, verdict: str, *, live: bool
) -> None:
    for folder in (state, tmp_path / "keys"):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        why = why_unsafe(folder, owners={os.geteuid()})

        assert f"others may write to {folder}" == why
        assert doctor.private(folder, why, live=live).verdict == verdict
        folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_folder_that_belongs_to_somebody_else_or_lies_in_one_is_unsafe(tmp_path: Path) -> None:
    (tmp_path / "parent" / "state").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "parent" / "state")
    os.chown(tmp_path / "link", 1234, 1234, follow_symlinks=False)

    assert why_unsafe(tmp_path / "parent" / "state", owners={0}) == ""
    assert why_unsafe(tmp_path / "parent" / "state", owners={77}) == f"{tmp_path}/parent/state belongs to root"
    assert why_unsafe(tmp_path / "link", owners={0}) == f"{tmp_path}/link belongs to user 1234"
    os.chown(tmp_path / "parent", 1234, 1234)
    assert why_unsafe(tmp_path / "parent" / "state", owners={0}) == f"{tmp_path}/parent belongs to user 1234"


@pytest.mark.parametrize(("live", "verdict"), [(True, "fail"), (False, "warn")])
def test_a_model_without_its_key_cannot_find_copies(state: Path, verdict: str, *, live: bool) -> None:
    current = registry.find(state / "models", "current")
    key = memory_key.make(state / "models")
    (current / memory.FILE).write_bytes(memory.memorise(SENTENCES, key=key))
    whole = ModelMemory.open(current)
    (state / memory_key.FILE).unlink()

    bare = ModelMemory.open(current)

    assert (whole.locked, whole.copied(SENTENCES[0])) == ("", "the whole of a tweet")
    assert (bare.copied(SENTENCES[0]), bare.is_open_to_all) == ("", False)
    assert "Copies of tweets cannot be found" in bare.locked
    assert doctor.memory(bare.locked, is_open_to_all=False, live=live).verdict == verdict


def test_a_model_from_before_the_key_is_a_warning(state: Path) -> None:
    current = registry.find(state / "models", "current")
    (current / memory.FILE).write_bytes(memory.memorise(SENTENCES))

    opened = ModelMemory.open(current)

    assert opened.copied(SENTENCES[0]) == "the whole of a tweet"
    assert doctor.memory(opened.locked, is_open_to_all=opened.is_open_to_all, live=True).verdict == "warn"


UNIT, LINK = "mynah@.service", "multi-user.target.wants/mynah@crow.service"
TIMER = "timers.target.wants/mynah-retrain@crow.timer"


@pytest.mark.parametrize(
    ("installed", "verdict", "message"),
    [
        ({}, "ok", "not installed"),
        ({UNIT: "old"}, "warn", "not the units of this program: mynah@.service"),
        ({UNIT: "new"}, "warn", "mynah@crow does not start at boot"),
        ({UNIT: "new", LINK: "new"}, "ok", "mynah@crow starts at boot"),
        ({UNIT: "new", LINK: "new", TIMER: ""}, "ok", "and retrains each week"),
    ],
    ids=["none", "old", "idle", "enabled", "retrained"],
)
def test_the_units_in_the_folder_of_systemd_are_checked(
    tmp_path: Path, installed: dict[str, str], verdict: str, message: str
) -> None:
    for name, text in {
        **{f"system/{name}": text for name, text in installed.items()},
        f"shipped/{UNIT}": "new",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    folder = tmp_path / "mynah" / "crow"  # the path in the units, whatever the handle is
    check = doctor.units(folder, "bird", system=tmp_path / "system", shipped=tmp_path / "shipped")

    assert check.verdict == verdict
    assert message in check.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(("live", "verdict"), [(True, "fail"), (False, "warn")])
def test_files_of_somebody_else_in_the_state_folder_keep_a_bot_from_going_live(
    tmp_path: Path, verdict: str, *, live: bool
) -> None:
    (tmp_path / "models").mkdir()
    assert doctor.owner(tmp_path, live=live).verdict == "ok"
    os.chown(tmp_path / "models", 12345, -1)

    check = doctor.owner(tmp_path, live=live)

    assert (check.verdict, check.do) == (verdict, f"chown -R --reference={tmp_path} {tmp_path}")
    assert "models" in check.detail


def test_free_space_is_measured_on_the_disk_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert "MB free" in doctor.room(tmp_path / "not" / "yet").detail


def test_a_damaged_history_fails(tmp_path: Path) -> None:
    with Store.open(tmp_path / "history.db") as store:
        drafts = [(Draft("x" * 900), Reason("link"))] * 50
        refusals.add(store, drafts, slot=Slot("a", NOON), dry=True, model="m", at=NOON)
        assert doctor.history(store).verdict == "ok"
    data = bytearray((tmp_path / "history.db").read_bytes())
    data[-4096:] = b"\xff" * 4096
    (tmp_path / "history.db").write_bytes(data)

    with Store.open(tmp_path / "history.db") as store:
        check = doctor.history(store)

    assert (check.verdict, check.do) == ("fail", "keep the file, and restore a backup")


def test_a_pause_and_an_unconfirmed_post_are_warnings(tmp_path: Path) -> None:
    from bot.sending import pause

    with Store.open(tmp_path / "history.db") as store:
        without = doctor.unsettled(store, NOON, dry=False)
        number = store.add_draft(Draft("a"), slot=Slot("a", NOON), norm="a", length=1, dry=False, model="m", at=NOON)
        for state in ("approved", "sending", "unknown"):
            store.move(number, state, at=NOON)
        doubt = doctor.unsettled(store, NOON, dry=False)
        pause.pause(store, until=pause.FOR_GOOD, because="by hand")
        with_pause = doctor.unsettled(store, NOON, dry=False)

    assert [check.verdict for check in (without, doubt, with_pause)] == ["ok", "warn", "warn"]
    assert "mynah resolve 1" in doubt.do
    assert "by hand" in with_pause.detail


def test_the_screen_passes_its_check() -> None:
    assert doctor.screen(SCREEN).verdict == "ok"


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ((), "does not refuse threat"),
        ((("all", lambda _: Reason("link")),), "refuses 'Good morning"),
        ((("broken", lambda _: 1 / 0),), "refuses 'Good morning"),
    ],
    ids=["refuses nothing", "refuses all", "raises"],
)
def test_a_broken_screen_is_found(checks: tuple[tuple[str, chain.Check], ...], message: str) -> None:
    check = doctor.screen(chain.Screen(checks))

    assert check.verdict == "fail"
    assert message in check.detail


@pytest.mark.parametrize(
    ("voice", "verdict", "message"),
    [
        pytest.param(None, "warn", "none yet", id="none"),
        pytest.param(ModelError("model.safetensors is damaged"), "fail", "damaged", id="damaged"),
        pytest.param(FakeVoice("", " "), "fail", "generates no text", id="silent"),
        pytest.param(FakeVoice("@a hello", "see example.com"), "warn", "the screen refuses all", id="all refused"),
        pytest.param(FakeVoice("@a hello", "A calm day.", "Rain."), "ok", "'A calm day.'", id="speaks"),
    ],
)
def test_a_model_must_generate_text_that_passes(
    voice: FakeVoice | ModelError | None, verdict: str, message: str
) -> None:
    check = doctor.voice(voice, SCREEN)

    assert check.verdict == verdict
    assert message in check.detail


# The command


class Result(NamedTuple):
    code: int
    checks: dict[str, dict[str, str]]
    err: str


class Command:
    """`mynah doctor` in this process, with the keys of the fake X."""

    def __init__(self, x: FakeX, state: Path, env: pytest.MonkeyPatch, screen: pytest.CaptureFixture[str]) -> None:
        self.state = state
        self._env = env
        self._screen = screen
        self._set(
            **environment(
                MYNAH_BOT=ME.handle,
                MYNAH_LIVE="true",
                MYNAH_X__BASE_URL=x.url,
                MYNAH_X__CONSUMER_KEY=ME.secrets.consumer_key,
                MYNAH_X__CONSUMER_SECRET=ME.secrets.consumer_secret,
                MYNAH_X__ACCESS_TOKEN=ME.access_token,
                MYNAH_X__ACCESS_TOKEN_SECRET=ME.secrets.token_secret,
            )
        )

    def _set(self, **values: str) -> None:
        for name, value in values.items():
            self._env.setenv(name, value)

    def run(self, *arguments: str, **changes: str) -> tuple[int, str, str]:
        self._set(**changes)
        code = cli.main(["--state", str(self.state), *arguments])
        out, err = self._screen.readouterr()
        assert [secret for secret in (ME.access_token, ME.secrets.consumer_secret) if secret in out + err] == []
        return code, out, err

    def checks(self, *arguments: str, **changes: str) -> Result:
        code, out, err = self.run("doctor", "--json", *arguments, **changes)
        return Result(code, {row["check"]: row for row in lines(out)}, err)


@pytest.fixture
def x() -> Iterator[FakeX]:
    with FakeX(World(newcomer(), now=lambda: datetime.now(UTC))) as server:
        yield server
    assert server.broken == []


@pytest.fixture
def command(x: FakeX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(x, tmp_path / "state", monkeypatch, capsys)


def test_a_healthy_bot_is_ready(command: Command, x: FakeX, state: Path) -> None:
    result = command.checks()

    assert result.code == 0
    assert {name: row["verdict"] for name, row in result.checks.items()} == {
        **dict.fromkeys(
            ("configuration", "keys", "account", "label", "screen", "history", "posting", "disk", "room"), "ok"
        ),
        **dict.fromkeys(("clock", "time zone", "engine", "model", "memory", "owner", "units", "replies"), "ok"),
        "languages": "ok",
        "privacy": "warn" if state.stat().st_mode & 0o077 else "ok",
        "library": "warn",
    }
    assert x.requests == []


def test_a_failed_check_is_named_and_the_exit_code_is_1(command: Command) -> None:
    code, out, _ = command.run("doctor", "--quick", MYNAH_X__BASE_URL=REAL_X)

    assert code == 1
    assert out.endswith("not ready: label\n")


def test_a_wrong_configuration_fails(command: Command) -> None:
    result = command.checks("--quick", MYNAH_SCHEDULE__TIMEZONE="Moon/Crater")

    assert result.code == 1
    assert "not a time zone" in result.checks["configuration"]["detail"]


@pytest.mark.parametrize("arguments", [("--quick",), ()], ids=["quick", "whole"])
def test_a_list_that_cannot_be_read_fails(command: Command, arguments: tuple[str, ...]) -> None:
    result = command.checks(*arguments, MYNAH_SCREEN__DENY_FILE="/nowhere/deny.txt")

    assert result.code == 1
    assert "screen.deny_file: /nowhere/deny.txt is not a file" in result.checks["screen"]["detail"]


def test_a_file_that_is_not_a_history_fails(command: Command) -> None:
    command.state.mkdir()
    (command.state / "history.db").write_bytes(b"x" * 5000)

    result = command.checks("--quick")

    assert result.code == 1
    assert "no SQLite file" in result.checks["history"]["detail"]


def test_a_damaged_model_fails(command: Command, state: Path) -> None:
    weights = (state / "models" / "current").resolve() / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    result = command.checks()

    assert result.code == 1
    assert "model.safetensors" in result.checks["model"]["detail"]


def test_x_gets_a_request_only_with_online_and_its_price_is_shown_and_recorded(command: Command, x: FakeX) -> None:
    command.state.mkdir()
    Store.open(command.state / "history.db").close()

    result = command.checks("--online")
    _, report, _ = command.run("spend", "--json")

    assert result.code == 0
    assert [result.checks[name]["verdict"] for name in ("handle", "access", "clock offset to X")] == ["ok"] * 3
    assert "this costs $0.010" in result.err
    assert [request.path for request in x.requests] == ["/2/users/me"]
    assert [(row["kind"], row["cost"], row["by_hand"]) for row in lines(report)[0]["days"]] == [("account", 0.01, True)]


def test_keys_of_another_account_fail(command: Command) -> None:
    result = command.checks("--online", MYNAH_BOT="somebody_else")

    assert result.code == 1
    assert (
        result.checks["handle"]["detail"] == "the keys belong to @stationmynah, the configuration is for @somebody_else"
    )


def test_keys_that_allow_only_reading_fail(command: Command, x: FakeX) -> None:
    x.world.users[ME.id] = User(ME.id, ME.handle, ME.name, ME.access_token, ME.secrets, access="read")

    result = command.checks("--online")

    assert (result.code, result.checks["access"]["verdict"]) == (1, "fail")


@pytest.mark.parametrize(
    ("fault", "verdict"), [("unauthorized", "fail"), ("suspended", "fail"), ("unavailable", "warn"), ("html", "warn")]
)
def test_keys_that_x_rejects_fail_and_an_outage_is_a_warning(
    command: Command, x: FakeX, fault: str, verdict: str
) -> None:
    x.fail_with(fault)

    result = command.checks("--online")

    assert result.checks["handle"]["verdict"] == verdict
    assert result.code == (1 if verdict == "fail" else 0)


@pytest.mark.parametrize(("date", "is_checked"), [("soon", False), ("Wed, 21 Oct 2015 07:28:00 -0000", True)])
def test_a_wrong_date_in_an_answer_is_ignored(command: Command, x: FakeX, date: str, *, is_checked: bool) -> None:
    x.fail_with(Fault(headers={"Date": date}))

    result = command.checks("--online")

    assert result.checks["handle"]["verdict"] == "ok"
    assert ("clock offset to X" in result.checks) is is_checked


def test_the_checklist_is_confirmed_once_for_one_handle(command: Command) -> None:
    code, out, _ = command.run("doctor", "--confirm", "--yes", MYNAH_X__BASE_URL=REAL_X)

    assert code == 0
    assert "Automated label" in out
    assert command.checks("--quick").checks["label"]["verdict"] == "ok"
    assert command.checks("--quick", MYNAH_BOT="another_bot").checks["label"]["verdict"] == "fail"


def test_a_profile_that_does_not_say_bot_keeps_it_from_going_live_until_x_shows_another(
    command: Command, x: FakeX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = World(replace(newcomer(), bio="I like crumbs."), now=lambda: datetime.now(UTC))
    with FakeX(silent) as unlabelled:
        before = Command(unlabelled, tmp_path / "state", monkeypatch, capsys)
        before.run("doctor", "--confirm", "--yes")
        asked = before.checks("--online")
        offline = before.checks("--quick", MYNAH_X__BASE_URL=REAL_X)

    command.checks("--online", MYNAH_X__BASE_URL=x.url)
    after = command.checks("--quick", MYNAH_X__BASE_URL=REAL_X)

    assert asked.checks["profile"]["verdict"] == "warn"  # a test server needs no label
    assert offline.checks["label"]["verdict"] == "fail"
    assert "name and bio do not say that this is a bot" in offline.checks["label"]["detail"]
    assert after.checks["label"]["verdict"] == "ok"


def test_without_an_engine_a_bot_is_not_ready(
    command: Command, state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert command.state == state
    monkeypatch.setattr(installation, "find_spec", lambda name: None if name in {"torch", "onnxruntime"} else name)

    with_model = command.checks("--quick", MYNAH_VOICE__ENGINE="torch")
    command.state = tmp_path / "empty"
    without = command.checks("--quick")

    assert with_model.code == without.code == 1
    assert with_model.checks["engine"]["detail"] == "torch not installed: the bot cannot start"
    assert without.checks["engine"]["detail"] == "torch not installed: the bot cannot train a first model and start"
    assert "pip install" in without.checks["engine"]["do"]
    assert f"copy the folder {tmp_path / 'empty'}/models" in without.checks["engine"]["do"]


def test_the_checklist_needs_a_person(command: Command) -> None:
    code, _, err = command.run("doctor", "--confirm", MYNAH_X__BASE_URL=REAL_X)

    assert code == 1
    assert "--yes" in err
    assert not (command.state / "history.db").exists()


def test_a_missing_login_is_reported_before_the_first_post(command: Command) -> None:
    result = command.checks("--quick", MYNAH_X__AUTH="oauth2")
    code, _, err = command.run("run", "--once", MYNAH_X__AUTH="oauth2", MYNAH_X__CLIENT_ID="an-id")

    assert [result.checks[name]["verdict"] for name in ("keys", "login")] == ["fail", "fail"]
    assert code == 78
    assert "Not logged in to X" in err
    assert "Run `mynah auth`" in err


@pytest.mark.parametrize("arguments", [("run", "--once"), ("post", "Hello out there, it is raining.")])
def test_nothing_goes_live_on_x_while_a_check_fails(command: Command, arguments: tuple[str, ...]) -> None:
    code, out, err = command.run(*arguments, MYNAH_X__BASE_URL=REAL_X)

    assert code == 78
    assert "label: nobody has confirmed that @stationmynah is labelled as a bot; `mynah doctor --confirm`" in err
    assert "round.ended" not in out


def test_the_installed_command_changes_no_file(tmp_path: Path) -> None:
    before = list(tmp_path.iterdir())

    result_ = mynah("doctor", state=tmp_path / "state")

    assert result_.returncode == 0, result_.stderr
    assert result_.stdout.endswith("ready, as far as these checks go\n")
    assert list(tmp_path.iterdir()) == before


def test_a_language_without_a_word_list_must_be_confirmed_before_going_live() -> None:
    listed = ("de", "fr")

    assert doctor.languages(("en", "de"), listed, None, live=True).verdict == "ok"
    assert doctor.languages(("en", "is"), listed, None, live=True).verdict == "fail"
    assert doctor.languages(("en", "is"), listed, None, live=False).verdict == "warn"
    assert doctor.languages(("en", "is"), listed, "is", live=True).verdict == "ok"
