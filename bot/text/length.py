"""How long X finds a text: twitter-text 3's weights, where a link is 23, an emoji 2, and most other scripts 2 a letter.

Own code, held to X's conformance cases in full (tests/text/test_length.py); see autolink.py for why.
"""

from __future__ import annotations

import re
import unicodedata

from bot.text.autolink import links
from bot.values import Reason

LIMIT = 280
_LINK = 23  # X wraps every link in a t.co address of this length

_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")  # counts 2; the rest 1

# An emoji of several code points counts 2 as a whole. The pictures are taken by block, not from a table of the year:
# a sequence that no phone draws counts 2 here and more at X, which matters only in a full screen of them.
_PICTURE = "[\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_LOOK = "[\ufe0f\U0001f3fb-\U0001f3ff]"  # in colour, or with a tone of skin
EMOJI = re.compile(
    "[#*0-9]\ufe0f?\u20e3"  # a key of a keypad
    "|[©®]\ufe0f"
    "|[\U0001f1e6-\U0001f1ff]{2}"  # two letters: a country's flag
    "|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"  # a region's flag
    f"|{_PICTURE}{_LOOK}?(?:\u200d{_PICTURE}{_LOOK}?)*"  # a picture, or several joined
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
