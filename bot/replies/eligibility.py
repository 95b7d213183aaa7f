"""Whether a mention may be answered: the rules that look at one post alone.

X lets a bot reply once, and only to users who visibly mention it. A handle that X itself puts in front of a reply does
not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.replies.sensitive import DISTRESS, Sensitivity, kind_in
from bot.values import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bot.replies.opt_out import OptOut
    from bot.values import Mention, Wording

CROWD = 10  # more users than this in one post is a pile-on, not a question
_HANDLE = re.compile(r"(?<![\w@/])@(\w{1,15})(?!\w)", re.ASCII)
_PREFIX = re.compile(r"\s*(?:@\w{1,15}(?:\s+|\Z))*", re.ASCII)


@dataclass(frozen=True, slots=True)
class BotAccount:
    id: str
    handle: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    opt_out: OptOut
    known_bots: Collection[str]  # handles, in lower case
    sensitivity: Sensitivity = field(default_factory=Sensitivity)

    def why_not(self, mention: Mention, us: BotAccount) -> Reason | None:
        """`opted_out` comes before every reason that other users can cause, so that no opt-out is missed."""
        return next(self._reasons(mention, us), None)

    def concern(self, mention: Mention, verdict: Reason | None) -> str | None:
        """Why a person should look at the mention, whatever else becomes of it."""
        if verdict and verdict.name in {"unreadable", "own", "repost"}:
            return None
        kind = kind_in(mention.text)
        if kind in DISTRESS:
            return kind
        return verdict.name if verdict and verdict.name == "doubtful_opt_out" else None

    def _reasons(self, mention: Mention, us: BotAccount) -> Iterator[Reason]:
        if not mention.author:
            yield Reason("unreadable", "X did not say who wrote it")
        if mention.author == us.id:
            yield Reason("own")
        if mention.is_repost:  # the text is another user's
            yield Reason("repost")
        yield from self._said(mention.text)
        if mention.handle.casefold() in self.known_bots:
            yield Reason("known_bot", mention.handle)
        if not any(_is_seen(wording, us, is_reply=mention.is_reply) for wording in mention.wordings):
            yield Reason("not_called", "only in the handles that X puts in front of a reply, or nowhere")
        if len(bystanders(mention, us)) > CROWD:
            yield Reason("crowd", f"names more than {CROWD} others")
        if _names_unknown(mention, us):
            yield Reason("crowd", "X did not give the ids of the others, so the reply could not leave them out")

    def _said(self, text: str) -> Iterator[Reason]:
        """A doubtful wish comes after distress, which calls for a person sooner, and before the rest."""
        wish = self.opt_out.wish_in(text)
        if wish and wish.is_clear:
            yield Reason("opted_out")
        sensitive = self.sensitivity.why_not(text)
        if sensitive and sensitive.detail in DISTRESS:
            yield sensitive
        if wish:
            yield Reason("doubtful_opt_out")
        if sensitive:
            yield sensitive


def bystanders(mention: Mention, us: BotAccount) -> tuple[str, ...]:
    """The ids of other users whom X would mention in a reply."""
    called = (call.user for wording in mention.wordings for call in wording.calls)
    return tuple(dict.fromkeys(user for user in called if user and user not in (us.id, mention.author)))


def _is_seen(wording: Wording, us: BotAccount, *, is_reply: bool) -> bool:
    """Whether the bot is named in the author's own words.

    Only handles come before `own`. They are ASCII, so the position is the same in bytes, UTF-16 units and code points.
    """
    own = wording.own
    if own is None:
        own = _prefix_ends(wording.text) if is_reply else 0
    return any(start >= own for start in _starts(wording, us))


def _starts(wording: Wording, us: BotAccount) -> Iterator[int]:
    if wording.calls:
        for call in wording.calls:
            if call.user == us.id or (not call.user and call.handle.casefold() == us.handle.casefold()):
                yield call.start
        return
    for match in _HANDLE.finditer(wording.text):
        if match[1].casefold() == us.handle.casefold():
            yield match.start()


def _prefix_ends(text: str) -> int:
    match = _PREFIX.match(text)
    return match.end() if match else 0


def _names_unknown(mention: Mention, us: BotAccount) -> bool:
    """Whether a mention names other users whose ids X did not give."""
    known = {us.handle.casefold(), mention.handle.casefold()}
    calls = [call for wording in mention.wordings for call in wording.calls]
    if calls:
        return any(not call.user and call.handle.casefold() not in known for call in calls)
    return any(match[1].casefold() not in known for match in _HANDLE.finditer(mention.text))
