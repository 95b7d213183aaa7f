"""Loads the configuration from defaults, file, environment and flags; later ones win.

No other module reads the environment. Secrets are never in the configuration file: they come from systemd's
credentials, from a folder of files that only their owner can read, or from the environment.

The file is long because each source of values has a function that explains its mistakes.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from bot.config import ceilings
from bot.config.problems import nearest_variable, problem, short
from bot.config.settings import PREFIX, SECRET_FILES, Settings
from bot.config.state_dir import expanded
from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOO_LARGE = 1_000_000  # bytes; a configuration is a page of text
DEFAULTS = Settings.model_construct().model_dump()
SECTIONS = {name for name, value in DEFAULTS.items() if isinstance(value, dict)}
TABLES = {"voice.prompts"}  # tables whose keys are values
KEYS = [f"{name}.{key}" for name in SECTIONS for key in DEFAULTS[name]] + [*(set(DEFAULTS) - SECTIONS), *SECTIONS]
PATHS = {"voice.topics", "screen.deny_file", "screen.allow_file", "screen.classifier", "backup.folder", "x.keys"}
CONFIG = "config.toml"  # in a bot's own folder, beside its history
LISTS = {f"{name}.{key}" for name in SECTIONS for key, value in DEFAULTS[name].items() if isinstance(value, tuple)}


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    origins: Mapping[str, str]  # dotted key -> origin of its value; missing keys have their defaults

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """(key, value, origin) of every key, in the order of the file."""
        for key, value in _flat(self.settings.model_dump()):
            yield key, value, self.origins.get(key, "default")

    def changed(self) -> Iterator[tuple[str, Any, str]]:
        """The rows whose values are not the defaults."""
        defaults = dict(_flat(DEFAULTS))
        return (row for row in self.rows() if row[2] != "default" and row[1] != defaults.get(row[0]))


def load(
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    keyless: bool = False,
    home: Path | None = None,
) -> Loaded:
    """Load and validate the configuration. The error lists every problem with its key, but never the value of a secret.

    Flags that are None are ignored. `keyless`: the folder of the keys may be empty. `home`: a folder that holds all of
    one bot, its configuration, its `keys` and its state; relative paths in that configuration begin there.
    """
    file = file or (home / CONFIG if home else _default_file())
    problems: list[str] = []
    from_file = _from_file(file, problems) if file else {}
    layers = [
        ("default", _of_home(home) if home else {"state": str(_state_folder())}),
        (f"file {file}", _at_home(from_file, home, problems) if home else from_file),
        ("environment", _from_environment(problems)),
        ("flag", _without_none(flags or {})),
    ]
    folders = [value for _, layer in layers for key, value in _flat(layer) if key == "x.keys"]
    layers.insert(3, ("credential", _from_credentials(folders[-1] if folders else None, problems, keyless=keyless)))
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for key, value in _flat(layer):
            _put(merged, key, value)
            origins[key] = origin
    settings = None
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        problems += [problem(detail, origins, KEYS) for detail in error.errors(include_url=False, include_input=False)]
    if settings:
        problems += ceilings.problems(settings)
    if problems or settings is None:
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        raise ConfigError(f"{count} in the configuration:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Loaded(settings, {key: origin for key, origin in origins.items() if origin != "default"})


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "mynah"


def _of_home(home: Path) -> dict[str, Any]:
    """The defaults of a bot whose folder holds all of it."""
    keys = home / "keys"
    return {"state": str(home), "x": {"keys": str(keys)} if keys.is_dir() else {}}


def _at_home(document: dict[str, Any], home: Path, problems: list[str]) -> dict[str, Any]:
    """The configuration with paths that begin in the bot's folder, so that the folder can be moved."""
    if document.pop("state", None) is not None:
        problems.append(f"state: is {home} itself; remove the key from {home / CONFIG}")
    for key in PATHS:
        section, name = key.split(".")
        values = document.get(section)
        if not isinstance(values, dict):
            continue  # the validation reports it
        value = values.get(name)
        if isinstance(value, str) and value and not value.startswith(("/", "~")):
            values[name] = str(home / value)
    return document


def differing(one: Settings, other: Settings) -> list[str]:
    """The keys that differ, without values: some are secret."""
    ours, theirs = dict(_flat(one.model_dump())), dict(_flat(other.model_dump()))
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def config_folder(file: Path | None) -> Path:
    """The folder of the configuration file, or of the default one if there is no file yet."""
    path = file or _default_file() or Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "mynah" / "config.toml"
    return expanded(path).absolute().parent


def found_file() -> Path | None:
    """The configuration file that commands use without --config; None if there is none."""
    return _default_file()


def new_file(file: Path | None) -> Path:
    """Where a new configuration belongs: where commands look for it without --config, unless one is named."""
    default = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "mynah" / "config.toml"
    return expanded(file or Path(os.environ.get(f"{PREFIX}CONFIG") or default)).absolute()


def local_zone(root: Path = Path("/")) -> str:
    """The time zone of this machine by its name; UTC where it has none."""
    link = os.path.realpath(root / "etc/localtime")
    text = root / "etc/timezone"
    names = [os.environ.get("TZ", "").removeprefix(":"), link.rpartition("/zoneinfo/")[2]]
    with suppress(OSError, UnicodeDecodeError):
        names.append(text.read_text(encoding="utf-8").strip())
    for name in names:
        with suppress(ConfigError):
            check("schedule.timezone", name)
            return name
    return "UTC"


def check(key: str, value: str) -> None:
    """Raises if this is no value for the key, which has a section or none."""
    tree: dict[str, Any] = {}
    _put(tree, key, value)
    try:
        Settings(**tree)
    except ValidationError as error:
        problems = [problem(detail, {}, KEYS) for detail in error.errors(include_url=False, include_input=False)]
        raise ConfigError("; ".join(problems).removeprefix(f"{key}: ")) from error


def notify_socket() -> str | None:
    """The address of systemd's notification socket, if systemd started the process."""
    return os.environ.get("NOTIFY_SOCKET")


def _default_file() -> Path | None:
    """$MYNAH_CONFIG, or the default file if it exists."""
    if variable := os.environ.get(f"{PREFIX}CONFIG"):
        return Path(variable)
    try:
        default = expanded(Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")) / "mynah" / "config.toml"
    except ConfigError:  # there is no home folder
        return None
    try:
        return default if default.is_file() else None
    except OSError as error:
        raise ConfigError(f"{default}: {error.strerror}; set HOME to a folder of your own, or use --config") from error


def _from_file(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        data = _content(expanded(file))
        if len(data) > TOO_LARGE:
            raise ConfigError(f"{file}: larger than {TOO_LARGE:,} bytes; is this the configuration?")
        document = tomllib.loads(data.decode())
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; `mynah init` writes one") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; choose a readable file with --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except (ValueError, RecursionError) as error:  # tomllib raises these too
        raise ConfigError(
            f"{file}: it contains a number of thousands of digits, or hundreds of brackets; remove it"
        ) from error
    for key in [key for key in document if "." in key]:  # "x.keys" in quotes is not the key `keys` of [x]
        problems.append(f'"{short(key)}": unknown key (file {file}); write a section as [x]')
        del document[key]
    for name, key in SECRET_FILES.items():
        section = document.get(key.split(".")[0])
        if isinstance(section, dict) and section.pop(key.split(".")[1], None) is not None:
            problems.append(
                f"{key}: secrets do not belong in {file}; use x.keys, a folder of 0600 files, and in it {name}"
            )
    return document


def _content(path: Path) -> bytes:
    """The beginning of a file or of /dev/null; a pipe would keep a running bot waiting when it reloads."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        return file.read(TOO_LARGE + 1)


def _from_environment(problems: list[str]) -> dict[str, Any]:
    for name in sorted(os.environ):
        first, *rest = name.removeprefix(PREFIX).lower().split("__")
        known = SECTIONS if rest else {*Settings.model_fields, "config"}
        if name.startswith(PREFIX) and first not in known:
            nearest = nearest_variable(name, KEYS)
            problems.append(f"{name}: unknown key in the environment; {nearest or '`mynah config` lists all keys'}")
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError:  # its message names only the section, and the value may be a secret
        problems.extend(
            f'{name}: not valid JSON; write a list as ["a", "b"]' for name in os.environ if _is_invalid_json(name)
        )
        return {}


def _is_invalid_json(name: str) -> bool:
    """Whether the variable sets a list, a table or a section, and is not JSON."""
    key = name.lower().removeprefix(PREFIX.lower()).replace("__", ".")
    if not name.upper().startswith(PREFIX) or key not in {*SECTIONS, *LISTS, *TABLES}:
        return False
    try:
        json.loads(os.environ[name])
    except ValueError:
        return True
    return False


def _from_credentials(keys: object, problems: list[str], *, keyless: bool) -> dict[str, Any]:
    """The secrets from files: in systemd's credentials folder, else in `x.keys`, where only the owner may read them."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    path_text = credentials or (keys if isinstance(keys, str) else "")
    if not path_text:
        return {}
    folder = expanded(Path(path_text))
    secrets: dict[str, Any] = {}
    for name, key in SECRET_FILES.items():
        path = folder / name
        try:
            status = path.stat()
            if not credentials and (status.st_mode & 0o077 or status.st_uid not in {os.getuid(), 0}):
                problems.append(f"x.keys: {path} can be read by others: chmod 600 {path}")
                continue
            if text := _content(path).decode().strip():  # the units give empty ones to a dry run
                _put(secrets, key, text)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problems.append(f"x.keys: {path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}")
    if not secrets and not credentials and not problems and not keyless:
        problems.append(f"x.keys: {folder} contains none of {', '.join(SECRET_FILES)}; `mynah auth` writes X's")
    return secrets


def _without_none(flags: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in _flat(flags):
        if value is not None:
            _put(tree, key, value)
    return tree


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in TABLES:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, name = key.split(".")
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            return  # a value where a section should be; the validation reports it
        tree = below
    tree[name] = value
