"""Log lines: JSON, or on a terminal as logs/lines.py shows them. Secrets are replaced in the last step."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from bot.clock import stamp
from bot.running.logs.file import LogFile
from bot.text.visible import direct, in_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, MutableMapping
    from pathlib import Path

    from structlog.typing import Processor

    from bot.clock import Clock
    from bot.running.logs.lines import LogLines

HIDDEN = "(hidden)"
_SECRET_KEY = re.compile(r"token|secret|authorization|password|consumer_key|api_key", re.IGNORECASE)
# The shapes of X's keys and OAuth headers, which are hidden even if their values are unknown.
_SECRET_SHAPE = re.compile(r"(?:oauth_\w+=\"[^\"]*\")|(?:Bearer\s+\S+)|(?:\b\d{6,20}-[A-Za-z0-9]{30,50}\b)")
# These log headers, keys and signatures at DEBUG.
_VERBOSE = ("tweepy", "requests_oauthlib", "oauthlib", "urllib3", "httpx", "httpcore")
_hidden: ContextVar[Collection[str]] = ContextVar("hidden", default=())


@contextmanager
def hiding(secrets: Collection[str]) -> Iterator[None]:
    """Replace these secrets too in what is logged inside: those of one bot of several, while they are in memory."""
    token = _hidden.set(sorted((secret for secret in secrets if secret), key=len, reverse=True))
    try:
        yield
    finally:
        _hidden.reset(token)


def configure(
    *,
    level: str,
    stream: TextIO,
    secrets: Collection[str],
    clock: Clock,
    console: LogLines | None = None,
    folder: Path | None = None,
) -> None:
    """Set up logging, once at the start: the bot's log lines and those of libraries get the same format.

    Without `console` they are JSON; in `folder`, the newest ones are in a file too. Long: each library's logging has a
    setting here.
    """

    def add_time(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("at", stamp(clock.now()))
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,  # which bot it is about, where there are several
        structlog.stdlib.add_log_level,
        add_time,
        structlog.processors.format_exc_info,
    ]

    def formatter(last: Processor) -> logging.Formatter:
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Redactor(secrets), last],
        )

    json_lines = formatter(structlog.processors.JSONRenderer(_json))
    handlers: list[logging.Handler] = [Handler(direct(stream))]
    handlers[0].setFormatter(formatter(console) if console else json_lines)
    if folder:
        handlers.append(LogFile(folder))
        handlers[1].setFormatter(json_lines)
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, LogFile):
            handler.close()
    root.handlers = handlers
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
                for secret in (*self._secrets, *_hidden.get()):
                    text = text.replace(secret, HIDDEN)
                return _SECRET_SHAPE.sub(HIDDEN, text)
