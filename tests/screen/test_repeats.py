from __future__ import annotations

from bot.screen import repeats
from bot.text.normalise import normalise
from bot.values import Reason


def test_what_it_has_said_before_is_refused() -> None:
    history = {normalise("Good morning.")}

    assert repeats.why_not("good  MORNING! ☀️", history.__contains__) == Reason("said_before")
    assert repeats.why_not("good night", history.__contains__) is None
