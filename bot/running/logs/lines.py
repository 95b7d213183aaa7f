"""Log lines as a person reads them on a terminal: wrapped with an indent, by the clocks of the bot's time zone."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from bot.clock import moment
from bot.errors import StoreError
from bot.text.visible import visible
from bot.text.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from datetime import tzinfo

MARGIN = " " * 10  # below the first line: as wide as a time of day and two spaces
DIM, BOLD, RED = "2", "1", "31"


class LogLines:
    """A round shows its text with the facts underneath; any other event is its name and its values."""

    def __init__(
        self, *, zone: tzinfo = UTC, width: Callable[[], int | None] = lambda: None, colour: bool = True
    ) -> None:
        self._zone = zone
        self._width = width
        self._colour = colour

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        at = self._time(str(event.pop("at", "")))
        level = event.pop("level", "info")
        name = str(event.pop("event", ""))
        traceback = str(event.pop("exception", "") or "")
        if name == "round.ended" and event.get("text"):
            return self._round(at, event)
        style = RED if level in {"error", "critical"} else ""
        rest = "  ".join(f"{key}={_plain(value)}" for key, value in event.items() if value not in ("", {}, None))
        name = _plain(name)
        first, *others = self._wrapped(f"{name}  {rest}".rstrip())
        head = self._painted(first[: len(name)], style) + self._painted(first[len(name) :], DIM)
        lines = [f"{self._painted(at, DIM)}  {head}", *(MARGIN + self._painted(line, DIM) for line in others)]
        return "\n".join([*lines, visible(traceback)] if traceback else lines)

    def _round(self, at: str, event: MutableMapping[str, Any]) -> str:
        refused = ", ".join(f"{count} {reason}" for reason, count in event.get("refused", {}).items())
        facts = [
            str(event.get("name", "")),  # of the bot, where there are several
            str(event["outcome"]),
            f"slot {event['slot']}",
            f"prompt {event['prompt']!r}" if event["prompt"] else "no prompt",
            f"{event['length']} of 280",
            f"{'would cost' if event['outcome'] == 'dry' else 'costs'} {event['cost']}",
            f"refused: {refused}" if refused else "nothing refused",
            str(event.get("detail", "")),
        ]
        text = [self._painted(line, BOLD) for line in self._wrapped(visible(str(event["text"])))]
        under = _plain(" · ".join(fact for fact in facts if fact))
        lines = [*text, *(self._painted(line, DIM) for line in self._wrapped(under))]
        return f"{self._painted(at, DIM)}  " + f"\n{MARGIN}".join(lines)

    def _wrapped(self, text: str) -> list[str]:
        columns = self._width()
        return wrapped(text, columns and columns - len(MARGIN))

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text

    def _time(self, at: str) -> str:
        try:
            return f"{moment(at).astimezone(self._zone):%H:%M:%S}"
        except (StoreError, ValueError, OverflowError):  # a line that something else wrote
            return at[11:19]


def _plain(value: Any) -> str:
    """The value without line breaks and other control characters."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
