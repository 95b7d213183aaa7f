"""The length of a text as X counts it, by twitter-text 3: a link counts 23, an emoji 2, a letter of most scripts 2.

Our own code (autolink.py says why), tested against all of X's conformance cases (tests/text/test_length.py).
"""

from __future__ import annotations

import re
import unicodedata

from bot.text.autolink import links
from bot.values import Reason

LIMIT = 280
_LINK = 23  # X wraps every link in a t.co address of this length

_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")  # counts 2; the rest 1

# An emoji of several code points counts 2 as a whole. Emoji are matched by Unicode block, not by the table of a year: a
# sequence that no phone draws counts 2 here and more on X, which matters only in a text full of them.
_PICTURE = "[\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_VARIATION = "[\ufe0f\U0001f3fb-\U0001f3ff]"  # in colour, or with a skin tone
EMOJI = re.compile(
    "[#*0-9]\ufe0f?\u20e3"  # a keycap
    "|[©®]\ufe0f"
    "|[\U0001f1e6-\U0001f1ff]{2}"  # two regional indicators: a country's flag
    "|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"  # a region's flag
    f"|{_PICTURE}{_VARIATION}?(?:\u200d{_PICTURE}{_VARIATION}?)*"  # one emoji, or several joined
)


def why_not(text: str) -> Reason | None:
    length = weighted_length(text)
    return Reason("too_long", f"{length} of {LIMIT}") if length > LIMIT else None


def weighted_length(text: str) -> int:
    text = unicodedata.normalize("NFC", text)
    total, end = 0, 0
    for start, stop in links(text):
        total += _weigh(text[end:start]) + _LINK
        end = stop
    return total + _weigh(text[end:])


def _weigh(text: str) -> int:
    if text.isascii():
        return len(text)
    rest, emoji = EMOJI.subn("", text)
    return 2 * emoji + len(rest) + len(_HEAVY.findall(rest))
