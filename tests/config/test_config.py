from __future__ import annotations

import os
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import load
from bot.config.settings import SECRET_FILES, SECRETS
from bot.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("MYNAH_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))


def config_at(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_is_a_dry_run_of_the_sample_account(tmp_path: Path) -> None:
    config = load.load()

    assert config.settings.live is False
    assert config.settings.training.authors == ()
    assert config.settings.state == tmp_path / "states" / "mynah"
    assert config.origins == {}


def test_the_example_shows_every_key_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    in_example = {key for key, _ in load._flat(tomllib.loads(text))}
    secret = set(SECRET_FILES.values())
    comments = {
        "state",
        "x.keys",
        "voice.topics",
        "backup.folder",
        *(f"screen.{key}" for key in ("deny_file", "allow_file", "classifier")),
    }  # their defaults depend on the machine, so they are commented out

    keys = {key for key, _, _ in load.load().rows()}

    assert in_example == keys - secret - comments
    assert all(f"# {name.split('.')[-1]} = " in text for name in comments)
    assert load.load(EXAMPLE).settings == load.load().settings


def test_a_post_begins_with_no_prompt_of_the_operators_by_default() -> None:
    assert load.load().settings.voice.prompts == {}


def test_later_layers_win_and_each_value_has_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config_at(tmp_path, 'bot = "fromfile"\n[schedule]\nposts_per_day = 2\njitter = "1m"\n[voice]\nthreads = 3\n')
    monkeypatch.setenv("MYNAH_SCHEDULE__POSTS_PER_DAY", "4")
    monkeypatch.setenv("MYNAH_VOICE__PROMPTS", '["a", "b"]')
    monkeypatch.setenv("MYNAH_STATE", str(tmp_path / "env"))

    config = load.load(file, {"state": str(tmp_path / "flag"), "live": True})

    merged = config.settings
    assert (merged.bot, merged.schedule.posts_per_day, merged.schedule.jitter) == ("fromfile", 4, timedelta(minutes=1))
    assert (merged.voice.threads, merged.voice.prompts, merged.live) == (3, {"a": 1, "b": 1}, True)
    assert merged.state == tmp_path / "flag"
    assert config.origins["schedule.posts_per_day"] == "environment"
    assert config.origins["schedule.jitter"] == f"file {file}"
    assert config.origins["live"] == "flag"


CEILINGS = {
    "posting.max_per_hour": ("[posting]\nmax_per_hour = 7", "6 at most"),
    "posting.max_per_day": ("[posting]\nmax_per_day = 49", "48 at most"),
    "posting.min_gap": ('[posting]\nmin_gap = "4m59s"', "5m at least"),
    "replies.per_day": ("[replies]\nper_day = 101", "100 at most"),
}


@pytest.mark.parametrize("key", CEILINGS)
def test_no_setting_lifts_the_ceilings_of_a_bot_that_is_live_on_x(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, limit = CEILINGS[key]
    file = config_at(tmp_path, text)
    load.load(file)  # a dry run may
    load.load(file, {"live": True, "x": {"base_url": "http://127.0.0.1:8080"}})  # and so may a bot on a test server

    with pytest.raises(ConfigError, match=rf"{key}: .*{limit}, whatever you set"):
        load.load(file, {"live": True})
    monkeypatch.setenv("MYNAH_LIVE", "true")
    with pytest.raises(ConfigError, match=rf"{key}: "):
        load.load(file, {"x": {"base_url": "https://API.X.com./"}})


def test_the_ceilings_themselves_are_allowed(tmp_path: Path) -> None:
    file = config_at(
        tmp_path,
        'live = true\n[posting]\nmax_per_hour = 6\nmax_per_day = 48\nmin_gap = "5m"\n[replies]\nper_day = 100\n',
    )

    settings = load.load(file).settings

    assert (settings.posting.max_per_hour, settings.posting.max_per_day, settings.replies.per_day) == (6, 48, 100)


def test_all_errors_are_listed_each_with_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config_at(
        tmp_path,
        'nope = 1\nbot = "far too long for a handle"\n[x]\nfoo = 2\n'
        '[schedule]\ntimezone = "Mars/Phobos"\njitter = "soon"\n[voice]\nprompts = 3\n',
    )
    monkeypatch.setenv("MYNAH_POSTING__MAX_PER_DAY", "many")
    monkeypatch.setenv("MYNAH_NONSENSE", "1")

    with pytest.raises(ConfigError) as excinfo:
        load.load(file)

    message = str(excinfo.value)
    assert message.startswith("8 errors")
    for key in (
        *("nope: unknown key", "bot: ", "x.foo: unknown key", "schedule.timezone: 'Mars/Phobos'"),
        *(
            "schedule.jitter: 'soon'",
            "voice.prompts: must be a list of prompts",
            "posting.max_per_day: ",
            "MYNAH_NONSENSE: ",
        ),
    ):
        assert key in message
    assert excinfo.value.exit_code == 78


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="folder"),
        pytest.param(lambda path: None, "no such file", id="missing"),
        pytest.param(lambda path: path.write_text("a = = b"), "not valid TOML", id="broken"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe\x00"), "not valid TOML", id="not text"),
        pytest.param(lambda path: path.write_text("x = 3"), "x: ", id="no section"),
        pytest.param(lambda path: path.write_text("x = " + "1" * 4301), "number of thousands", id="number"),
        pytest.param(lambda path: path.write_text("x = " + "[" * 9999), "hundreds of brackets", id="nested"),
        pytest.param(lambda path: path.write_text("# " + "x" * 1_000_001), "larger", id="huge"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_message(tmp_path: Path, make: Any, pattern: str) -> None:
    path = tmp_path / "config.toml"
    make(path)

    with pytest.raises(ConfigError, match=pattern):
        load.load(path)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        pytest.param('"x.consumer_key" = "canary"', r'"x\.consumer_key": unknown key', id="a secret, quoted"),
        pytest.param('"state.dir" = "canary"', r'"state\.dir": unknown key', id="below a value, quoted"),
        pytest.param('[schedule]\nactive_from = "09:00Z"', r"schedule\.active_from: .*schedule\.timezone", id="zone"),
        pytest.param("[schedule]\nactive_to = 32400", r"schedule\.active_to: ", id="a number for a time"),
        pytest.param('[schedule]\ngrace = "0s"', r"schedule\.grace: ", id="no grace"),
        pytest.param('state = ""', r"state: is not a path", id="empty path"),
        pytest.param('state = "a\\u0000b"', r"state: is not a path", id="no path"),
        pytest.param('[x]\nkeys = "a\\u0000b"', r"x\.keys: ", id="no folder"),
        pytest.param(f"[posting]\nmax_per_day = 0x{'f' * 5000}", r"posting\.max_per_day: .*1000000", id="a huge count"),
        pytest.param(f'[schedule]\njitter = "{"9" * 5000}s"', r"\Wjitter: .{,300} longer than a year", id="quoted"),
        pytest.param(f'"{"a" * 5000}." = 1', r'"a{,300} … .{,300}": unknown key', id="quoted as a key"),
    ],
)
def test_a_wrong_value_is_one_message_with_its_key(tmp_path: Path, text: str, pattern: str) -> None:
    with pytest.raises(ConfigError, match=pattern) as excinfo:
        load.load(config_at(tmp_path, text))

    assert "canary" not in str(excinfo.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("MYNAH_X", "canary", id="section"),
        pytest.param("MYNAH_VOICE__PROMPTS", "canary", id="list"),
        pytest.param("MYNAH_BOT__NAME", "canary", id="below a value"),
        pytest.param("MYNAH_STATE", "", id="empty path"),
    ],
)
def test_a_wrong_environment_variable_is_an_error_not_ignored(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=name if value else "state: ") as excinfo:
        load.load()

    assert "canary" not in str(excinfo.value)


def test_a_missing_home_folder_is_not_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "~nobody-has-this-name/.config")

    assert load.load(None, {"state": str(tmp_path)}).settings.state == tmp_path


def test_an_unreadable_home_folder_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/" + "long/" * 2000)

    with pytest.raises(ConfigError, match="File name too long"):
        load.load()


def test_secrets_come_from_private_files(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in SECRETS:
        (keys / name).write_text(f"canary-{name}\n")
        (keys / name).chmod(0o600)

    config = load.load(None, {"x": {"keys": str(keys)}})

    assert config.settings.x.access_token is not None
    assert config.settings.x.access_token.get_secret_value() == "canary-access_token"
    assert config.origins["x.access_token"] == "credential"
    assert "canary" not in repr(config)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "consumer_key").write_text("canary")
    (keys / "consumer_key").chmod(0o644)

    with pytest.raises(ConfigError, match=r"chmod 600") as excinfo:
        load.load(None, {"x": {"keys": str(keys)}})

    assert "canary" not in str(excinfo.value)


def test_credentials_of_systemd_win_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "consumer_key").write_text("from systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MYNAH_X__CONSUMER_KEY", "from the environment")
    monkeypatch.setenv("MYNAH_X__CONSUMER_SECRET", "from the environment")

    x = load.load().settings.x

    assert x.consumer_key is not None
    assert x.consumer_secret is not None
    assert x.consumer_key.get_secret_value() == "from systemd"
    assert x.consumer_secret.get_secret_value() == "from the environment"


def test_an_empty_credential_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "consumer_key").write_text("\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert load.load().settings.x.consumer_key is None


def test_a_secret_in_the_file_is_refused_without_its_value(tmp_path: Path) -> None:
    file = config_at(tmp_path, '[x]\nconsumer_secret = "canary"\n')

    with pytest.raises(ConfigError, match=r"x\.consumer_secret: secrets do not belong") as excinfo:
        load.load(file)

    assert "canary" not in str(excinfo.value)


def test_no_error_shows_the_value_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_X", '{"consumer_key": "canary"')
    monkeypatch.setenv("MYNAH_VOICE__PROMPTS", "canary")

    with pytest.raises(ConfigError) as excinfo:
        load.load()

    assert "MYNAH_X: not valid JSON" in str(excinfo.value)
    assert "canary" not in str(excinfo.value)
    assert "canary" not in str(excinfo.value.__context__)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_file_loads_or_raises_our_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.toml"
    path.write_bytes(content)
    try:
        config = load.load(path)
    except ConfigError as error:
        assert str(path) in str(error) or "error" in str(error)  # noqa: PT017  both are fine
    else:
        assert config.settings.live is False


def test_a_pipe_as_configuration_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.toml")

    with pytest.raises(ConfigError, match=r"config\.toml: it is not a regular file"):
        load.load(tmp_path / "config.toml")


def test_a_pipe_as_a_key_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "consumer_key", 0o600)

    with pytest.raises(ConfigError, match="consumer_key cannot be read: it is not a regular file"):
        load.load(None, {"x": {"keys": str(tmp_path)}})


def test_targets_of_notifications_have_names_of_ones_own_or_of_their_kind(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "notify_targets").write_text(
        "# mine\n\nntfys://ntfy.sh/a\nNTFYS://ntfy.sh/b\nmail = mailto://u:p@x.org?a=b\n"
    )
    (keys / "notify_targets").chmod(0o600)

    config = load.load(None, {"x": {"keys": str(keys)}})

    assert config.settings.notify.urls() == {
        "ntfys": "ntfys://ntfy.sh/a",
        "ntfys-2": "NTFYS://ntfy.sh/b",
        "mail": "mailto://u:p@x.org?a=b",
    }
    assert config.origins == {"x.keys": "flag", "notify.targets": "credential"}
    assert "ntfy.sh" not in repr(config)


@pytest.mark.parametrize(
    ("targets", "why"),
    [
        ("a=ntfy://canary/x\nntfy.sh/canary", "notify.targets: line 2 is not NAME=URL"),
        ("ntfy://canary/x y", "line 1 is not NAME=URL"),
        ("a=ntfy://canary/x\na=ntfy://canary/y", "line 2 has the name of an earlier line: a"),
        ("ntfy://canary/x\n" * 21, "has more than 20 targets"),
    ],
)
def test_a_wrong_target_is_refused_and_not_quoted(targets: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_NOTIFY__TARGETS", targets)

    with pytest.raises(ConfigError) as excinfo:
        load.load()

    assert why in str(excinfo.value)
    assert "canary" not in str(excinfo.value)


def test_targets_do_not_belong_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('notify.targets = "ntfy://canary/x"\n')

    with pytest.raises(ConfigError, match=r"notify\.targets: secrets do not belong in .* notify_targets") as excinfo:
        load.load(file)

    assert "canary" not in str(excinfo.value)


@pytest.mark.parametrize(
    "url",
    [
        "mynah.example.org",
        "ftp://x.org",
        "https://u:p@x.org",
        "https://x.org/?key=1",
        "https://x.org/#a",
        "javascript:x",
    ],
)
def test_the_address_of_the_page_holds_no_secret(url: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.url: is not the address of a page"):
        load.load(flags={"web": {"url": url}})


def test_a_digest_in_the_quiet_hours_would_never_come() -> None:
    with pytest.raises(ConfigError, match="digest_at: 07:30 is within quiet_from and quiet_to"):
        load.load(flags={"notify": {"digest_at": "07:30"}})
