"""The targets of notifications: one Apprise URL each. The only file that imports apprise.

A URL holds passwords and keys, and Apprise's log messages quote parts of it. They are read here and go no further: an
error is put into words of our own.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CODE = re.compile(r"error=(\d{3})")  # an HTTP status; ntfy's own codes begin with it
UNREACHABLE = re.compile(r"Connection error|connect", re.IGNORECASE)


class Target:
    def __init__(self, name: str, plugin: Any) -> None:
        self.name = name
        self.service = str(plugin.service_name) if plugin else "unknown"  # such as "ntfy" or "E-Mail"
        self._plugin = plugin
        if plugin:
            plugin.request_rate_per_sec = 0  # Apprise would sleep for seconds between two messages; ours are few

    def send(self, title: str, body: str) -> str:
        """Send plain text; it may take seconds. Returns why it failed, or an empty string."""
        import apprise

        if self._plugin is None:
            return "Apprise does not know its URL: see https://github.com/caronc/apprise/wiki"
        with _unlogged() as messages:
            try:
                sent = self._plugin.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
            except Exception as error:  # noqa: BLE001  a hundred services; its text may hold the URL
                return f"{self.service} failed with {type(error).__name__}"
        return "" if sent else _reason(messages)


def open_targets(urls: Mapping[str, str]) -> dict[str, Target]:
    """The targets by name. To send to one whose URL Apprise does not know fails."""
    import apprise

    # No pictures from other hosts, no files.
    asset = apprise.AppriseAsset(
        app_id="Mynah", app_desc="Mynah", app_url="", image_url_mask="", image_url_logo="", async_mode=False
    )
    with _unlogged():
        return {name: Target(name, apprise.Apprise.instantiate(url, asset=asset)) for name, url in urls.items()}


def _reason(messages: list[str]) -> str:
    for message in messages:
        if code := CODE.search(message):
            return f"it answered {code[1]}"
    if any(UNREACHABLE.search(message) for message in messages):
        return "it cannot be reached"
    return "it did not take the message"


@contextmanager
def _unlogged() -> Iterator[list[str]]:
    """Collects Apprise's messages in place of logging them."""
    messages: list[str] = []
    logger = logging.getLogger("apprise")
    handler = _Collector(messages)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())
