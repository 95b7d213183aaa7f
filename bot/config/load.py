"""The configuration, read and put together; alone reads the environment.

Later wins: defaults, the file, the environment, flags. Secrets are never in the file: they come from systemd's
credentials, from a folder of files that only their owner can read, or from the environment.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from bot.config.settings import PREFIX, SECRETS, Settings
from bot.config.state_dir import expanded
from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOO_LARGE = 1_000_000  # bytes; a configuration is a page of text
DEFAULTS = Settings.model_construct().model_dump()
SECTIONS = {name for name, value in DEFAULTS.items() if isinstance(value, dict)}
TABLES = {"voice.prompts"}  # whose names are values themselves
LISTS = {f"{name}.{key}" for name in SECTIONS for key, value in DEFAULTS[name].items() if isinstance(value, tuple)}


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    origins: Mapping[str, str]  # dotted key -> where its value came from; a key that is missing has its default

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """(key, value, origin) of every key, in the order of the file."""
        for key, value in _flat(self.settings.model_dump()):
            yield key, value, self.origins.get(key, "default")


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None, *, keyless: bool = False) -> Loaded:
    """Everything that is wrong is said at once, each with its key, none with a secret's value.

    A flag that is None was not given. `keyless`: the folder of the keys may still be empty.
    """
    file = file or _default_file()
    problems: list[str] = []
    layers = [
        ("default", {"state": str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "mynah")}),
        (f"file {file}", _from_file(file, problems) if file else {}),
        ("environment", _from_environment(problems)),
        ("flag", _given(flags or {})),
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
        problems += [_problem(detail, origins) for detail in error.errors(include_url=False, include_input=False)]
    if problems or settings is None:
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        raise ConfigError(f"{count} in the configuration:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Loaded(settings, {key: origin for key, origin in origins.items() if origin != "default"})


def differing(one: Settings, other: Settings) -> list[str]:
    """The keys, never the values: some are secret."""
    ours, theirs = dict(_flat(one.model_dump())), dict(_flat(other.model_dump()))
    return sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))


def beside(file: Path | None) -> Path:
    """The folder of the configuration in force, or where there is none yet, of the one to be."""
    found = file or _default_file() or Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "mynah" / "config.toml"
    return expanded(found).absolute().parent


def notify_socket() -> str | None:
    """Where systemd listens, if it started us."""
    return os.environ.get("NOTIFY_SOCKET")


def _default_file() -> Path | None:
    """$MYNAH_CONFIG, or the file in its usual place if it is there."""
    if named := os.environ.get(f"{PREFIX}CONFIG"):
        return Path(named)
    try:
        usual = expanded(Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config")) / "mynah" / "config.toml"
    except ConfigError:  # without a home there is no file in it
        return None
    try:
        return usual if usual.is_file() else None
    except OSError as error:
        raise ConfigError(f"{usual}: {error.strerror}; set HOME to a folder of your own, or use --config") from error


def _from_file(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        data = expanded(file).read_bytes()[: TOO_LARGE + 1]
        if len(data) > TOO_LARGE:
            raise ConfigError(f"{file}: larger than a configuration can be ({TOO_LARGE:,} bytes)")
        found = tomllib.loads(data.decode())
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; config.example.toml is a good start") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; --config wants a file that can be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except (ValueError, RecursionError) as error:  # out of tomllib too
        raise ConfigError(f"{file}: a number of thousands of digits in it, or hundreds of brackets") from error
    for key in [key for key in found if "." in key]:  # "x.keys" in quotes is not keys in [x]
        problems.append(f'"{_short(key)}": unknown key (file {file}); sections look like [x]')
        del found[key]
    section = found.get("x")
    if isinstance(section, dict):
        problems += [
            f"x.{name}: secrets do not belong in {file}; use x.keys, a folder of 0600 files"
            for name in SECRETS
            if section.pop(name, None) is not None
        ]
    return found


def _from_environment(problems: list[str]) -> dict[str, Any]:
    for name in sorted(os.environ):
        first, *below = name.removeprefix(PREFIX).lower().split("__")
        known = SECTIONS if below else {*Settings.model_fields, "config"}
        if name.startswith(PREFIX) and first not in known:
            problems.append(f"{name}: the environment sets a key that does not exist; `mynah config` lists all")
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError:  # it names the section only, and the value may be a secret
        problems.extend(
            f'{name}: not valid JSON; a list looks like ["a", "b"]' for name in os.environ if _garbled(name)
        )
        return {}


def _garbled(name: str) -> bool:
    """Does it set a list, or a whole section, to something else?"""
    key = name.lower().removeprefix(PREFIX.lower()).replace("__", ".")
    if not name.upper().startswith(PREFIX) or key not in {*SECTIONS, *LISTS, *TABLES}:
        return False
    try:
        json.loads(os.environ[name])
    except ValueError:
        return True
    return False


def _from_credentials(keys: object, problems: list[str], *, keyless: bool) -> dict[str, Any]:
    """The keys as files: systemd's own folder first, else `x.keys`, whose files nobody else may read."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    named = folder or (keys if isinstance(keys, str) else "")
    if not named:
        return {}
    private = expanded(Path(named))
    found: dict[str, str] = {}
    for name in SECRETS:
        path = private / name
        try:
            status = path.stat()
            if not folder and (status.st_mode & 0o077 or status.st_uid not in {os.getuid(), 0}):
                problems.append(f"x.keys: {path} can be read by others: chmod 600 {path}")
                continue
            if text := path.read_text(encoding="utf-8").strip():  # a rehearsal's units give empty ones
                found[name] = text
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problems.append(f"x.keys: {path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}")
    if not found and not folder and not problems and not keyless:
        problems.append(f"x.keys: {private} holds none of {', '.join(SECRETS)}; `mynah auth` makes them")
    return {"x": found} if found else {}


def _problem(detail: Any, origins: Mapping[str, str]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    near = (known for known in origins if f"{known}.".startswith(f"{key}.") or key.startswith(f"{known}."))
    origin = next((origins[known] for known in near), None)
    message = "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"].removeprefix("Value error, ")
    return f"{_short(key)}: {_short(message)}" + (f" ({origin})" if origin else "")


def _short(text: str) -> str:
    """What a file quotes may be as long as the file; the advice is at the end."""
    return text if len(text) <= 300 else f"{text[:100]} … {text[-180:]}"


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nobody said."""
    given: dict[str, Any] = {}
    for key, value in _flat(flags):
        if value is not None:
            _put(given, key, value)
    return given


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
            return  # a value where a section should be: the validation names it
        tree = below
    tree[name] = value
