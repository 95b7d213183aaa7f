"""The format of log lines: JSON by default, readable on a terminal. Secrets are replaced in the last step."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from bot.clock import stamp
from bot.text.visible import direct, in_json, visible

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from structlog.typing import Processor

    from bot.clock import Clock

HIDDEN = "(hidden)"
_SECRET_KEY = re.compile(r"token|secret|authorization|password|consumer_key|api_key", re.IGNORECASE)
# The shapes of X's keys and OAuth headers, which are hidden even if their values are unknown.
_SECRET_SHAPE = re.compile(r"(?:oauth_\w+=\"[^\"]*\")|(?:Bearer\s+\S+)|(?:\b\d{6,20}-[A-Za-z0-9]{30,50}\b)")
# These log headers, keys and signatures at DEBUG.
_VERBOSE = ("tweepy", "requests_oauthlib", "oauthlib", "urllib3", "httpx", "httpcore")


def configure(*, level: str, console: bool, stream: TextIO, secrets: Collection[str], clock: Clock) -> None:
    """Set up logging, once at the start: the bot's log lines and those of libraries get the same format."""

    def add_time(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("at", stamp(clock.now()))
        return event

    shared: list[Processor] = [structlog.stdlib.add_log_level, add_time, structlog.processors.format_exc_info]
    last: Processor = Console() if console else structlog.processors.JSONRenderer(_json)
    handler = Handler(direct(stream))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Redactor(secrets), last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else logging.WARNING)
    # It warns when a round takes longer than a heartbeat, which is normal.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # else a line that cannot be written would be printed before the Redactor
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class Handler(logging.StreamHandler[TextIO]):
    """Goes on when lines cannot be written, but says so: once on standard error, and by `why_unwritable`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.problem = ""
        self._is_told = False

    def emit(self, record: logging.LogRecord) -> None:
        before, self.problem = self.problem, ""  # set again by handleError
        super().emit(record)
        if self.problem and not before and not self._is_told:
            self._is_told = True
            with suppress(OSError, ValueError):
                sys.stderr.write(f"mynah: {self.problem}; the bot goes on, and `mynah status` shows it\n")

    def handleError(self, _: logging.LogRecord) -> None:  # noqa: N802  logging's name
        error = sys.exc_info()[1]
        reason = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
        self.problem = f"the log cannot be written ({reason})"


def why_unwritable() -> str:
    """Why the last line of the log was lost; empty if it was written."""
    return next((handler.problem for handler in logging.getLogger().handlers if isinstance(handler, Handler)), "")


def _json(event: Any, **options: Any) -> str:
    return in_json(json.dumps(event, ensure_ascii=False, **options))


class Redactor:
    """Runs last before rendering, after tracebacks became text, so that no later step can bring a secret back."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: self._redacted(key, value) for key, value in event.items()}

    def _redacted(self, key: str, value: Any) -> Any:
        if _SECRET_KEY.search(key):
            return HIDDEN
        match value:
            case None | bool() | int() | float():
                return value
            case dict():
                return {str(name): self._redacted(str(name), part) for name, part in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._redacted("", part) for part in value]
            case _:
                text = value if isinstance(value, str) else repr(value)
                for secret in self._secrets:
                    text = text.replace(secret, HIDDEN)
                return _SECRET_SHAPE.sub(HIDDEN, text)


class Console:
    """For a person at a terminal: a round shows its text with the facts underneath; any other event is one line."""

    _DIM, _BOLD, _RED, _OFF = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        at = str(event.pop("at", ""))[11:19]
        level = event.pop("level", "info")
        name = event.pop("event", "")
        traceback = event.pop("exception", "")
        if name == "round.ended" and event.get("text"):
            return self._round(at, event)
        colour = self._RED if level in {"error", "critical"} else ""
        rest = "  ".join(f"{key}={_plain(value)}" for key, value in event.items() if value not in ("", {}, None))
        line = f"{self._DIM}{at}{self._OFF}  {colour}{_plain(name)}{self._OFF}  {self._DIM}{rest}{self._OFF}".rstrip()
        return f"{line}\n{visible(traceback)}" if traceback else line

    def _round(self, at: str, event: MutableMapping[str, Any]) -> str:
        margin = "\n" + " " * 10
        text = visible(str(event["text"])).replace("\n", margin)
        refused = ", ".join(f"{count} {reason}" for reason, count in event.get("refused", {}).items())
        facts = [
            str(event["outcome"]),
            f"slot {event['slot']}",
            f"prompt {event['prompt']!r}" if event["prompt"] else "no prompt",
            f"{event['length']} of 280",
            f"{'would cost' if event['outcome'] == 'dry' else 'costs'} {event['cost']}",
            f"refused: {refused}" if refused else "nothing refused",
            str(event.get("detail", "")),
        ]
        under = " · ".join(fact for fact in facts if fact)
        return f"{self._DIM}{at}{self._OFF}  {self._BOLD}{text}{self._OFF}{margin}{self._DIM}{_plain(under)}{self._OFF}"


def _plain(value: Any) -> str:
    """The value without line breaks and other control characters."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
