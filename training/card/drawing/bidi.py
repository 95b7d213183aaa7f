"""Which way each character of a line runs, and in which order they stand, for pictures.

The part of Unicode's bidirectional algorithm that a tweet needs: letters, numbers and what stands between them; not
the invisible overrides, which can only mislead here. It knows no fonts.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def base_level(characters: Sequence[str]) -> int:
    """0 where the first letter runs rightwards, 1 where it runs leftwards."""
    return next((level for level in map(_strong, characters) if level is not None), 0)


def levels(characters: Sequence[str]) -> list[int]:
    """0: rightwards, 1: leftwards, 2: rightwards inside leftwards text. One for each, in the order of reading."""
    base = base_level(characters)
    kinds = [unicodedata.bidirectional(character[0]) for character in characters]
    found: list[tuple[int, int] | None] = []  # the level, and the side that the neighbours take it for
    around = base
    for place, character in enumerate(characters):
        own = _strong(character)
        if own is not None:
            around = own
            found.append((1 if own else 2 * base, own))
        elif _in_number(kinds, place):  # among leftwards letters it runs rightwards, yet its neighbours do not see that
            found.append((2 if around else 2 * base, around))
        else:
            found.append(None)
    return _with_neutrals(found, base)


def order(levels: Sequence[int]) -> list[int]:
    """The places of a line's characters, from the left: what runs leftwards is turned around, the deepest first."""
    places = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):
        start = 0
        while start < len(places):
            end = start
            while end < len(places) and levels[places[end]] >= level:
                end += 1
            places[start:end] = reversed(places[start:end])
            start = max(end, start + 1)
    return places


def unshaped(clusters: Sequence[str]) -> str:
    """Leftwards text for a painter that sets glyph after glyph: turned, brackets mirrored, Arabic joined by hand."""
    shown = []
    for place, cluster in enumerate(clusters):
        letter, marks = cluster[0], cluster[1:]
        forms = _forms().get(letter, {})
        before = place > 0 and "initial" in _forms().get(clusters[place - 1][0], {})
        behind = place + 1 < len(clusters) and "final" in _forms().get(clusters[place + 1][0], {})
        form = ("medial" if behind else "final") if before else ("initial" if behind else "isolated")
        alone = "final" if before else "isolated"  # of a letter that never joins to the next
        shown.append((forms.get(form) or forms.get(alone) or letter.translate(_MIRRORED)) + marks)
    return "".join(reversed(shown))


def _strong(character: str) -> int | None:
    return {"L": 0, "R": 1, "AL": 1}.get(unicodedata.bidirectional(character[0]))


def _in_number(kinds: Sequence[str], place: int) -> bool:
    """A digit, or a sign that belongs to its neighbours: 7.42, 100 %, -3."""
    if kinds[place] in {"EN", "AN"}:
        return True
    near = {kind for kind in (kinds[place - 1] if place else "", *kinds[place + 1 : place + 2]) if kind in {"EN", "AN"}}
    both = place > 0 and kinds[place - 1] in near and kinds[place + 1 : place + 2] == [kinds[place - 1]]
    return bool(near) and (kinds[place] == "ET" or (kinds[place] in {"CS", "ES"} and both))


def _with_neutrals(found: Sequence[tuple[int, int] | None], base: int) -> list[int]:
    """What has no direction takes that of its neighbours where they agree, else the line's."""
    behinds = []
    behind = base
    for own in reversed(found):
        behind = own[1] if own else behind
        behinds.append(behind)
    levels = []
    before = base
    for own, behind in zip(found, reversed(behinds), strict=True):
        if own:
            levels.append(own[0])
            before = own[1]
        else:
            levels.append((1 if before else 2 * base) if before == behind else base)
    return levels


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Each Arabic letter's shapes, as Unicode lists them for machines that cannot shape."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFC00), *range(0xFE80, 0xFEF5)):
        form, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        if len(letters) == 1:
            forms.setdefault(chr(int(letters[0], 16)), {})[form.strip("<>")] = chr(code)
    return forms
