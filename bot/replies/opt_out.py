"""Recognises opt-outs: X requires a bot to stop when it is asked to, so a doubtful phrase counts.

It sees through the same disguises as the screen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.screen.disguises import bare, is_drawn_out, key, letters, views
from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.screen.disguises import Key

# What people write to a bot, by language or family of languages. Left out are ambiguous words ("para", "dur"), and
# "mute", which people ask of others.
WORDS = """
stop, unsubscribe, opt out, optout, leave me alone, go away, shut up, stfu, get lost, quit replying
don't reply, do not reply, don't tag me, do not tag me, don't answer me, do not answer me
don't respond, do not respond, don't message me, do not message me, don't @ me, do not @ me, no more replies
don't talk to me, do not talk to me, leave me be, quit it, remove me, fuck off, piss off, bugger off
stopp, aufhören, hör auf, hören sie auf, lass mich in ruhe, lassen sie mich in ruhe, abmelden, halt die klappe
antworte mir nicht, antworten sie mir nicht
arrête, arrêtez, laisse-moi tranquille, laissez-moi tranquille, ne me réponds pas, ne me répondez pas, tais-toi
basta, déjame en paz, déjeme en paz, no me respondas, no me contestes, deja de responderme, cállate
pare, me deixe em paz, me deixa em paz, deixa-me em paz, não me responda, não me respondas, cala a boca, para com isso
smettila, lasciami in pace, mi lasci in pace, non rispondermi, stai zitto
hou op, stop ermee, laat me met rust, antwoord me niet, afmelden
sluta, lämna mig ifred, lämna mig i fred, svara mig inte, la meg være, slutt å svare, lad mig være, hold op
przestań, daj mi spokój, nie odpowiadaj, přestaň, nech mě být, prestaň, hagyj békén, lasă-mă în pace
jätä minut rauhaan, dur artık, beni rahat bırak, bana cevap verme, σταμάτα, άσε με ήσυχο, άσε με ήσυχη
стоп, хватит, отстань, отстаньте, отпишись, отпишитесь, прекрати, прекратите, не отвечай, припини, не відповідай
توقف, اتركني, لا ترد, بس کن, תפסיק, תפסיקי, עזוב אותי
रुको, बंद करो, जवाब मत दो, berhenti, jangan balas, jangan ganggu, dừng lại, đừng trả lời, หยุด, อย่าตอบ
やめて, やめろ, 停止して, 返信しないで, ほっといて, 停止, 别回复, 別回覆, 不要回复, 不要回覆, 闭嘴, 閉嘴, 走开
그만, 멈춰, 답장하지 마, 저리 가
"""  # noqa: RUF001  a dotless i is a letter
# Scripts without spaces between words, and Korean, which adds endings: there a phrase matches anywhere.
_ANYWHERE = re.compile(rf"{UNSPACED}|[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W_]+")
_IGNORED = re.compile(r"https?://\S+|(?<![\w@])@\w+", re.IGNORECASE)  # a handle such as @stop is not an opt-out


class OptOut:
    """Finds the phrases above, and `more` from the configuration."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        phrases = [phrase.strip() for line in WORDS.strip().splitlines() for phrase in line.split(",")]
        self._anywhere: dict[str, str] = {}
        self._runs: dict[str, list[tuple[tuple[Key, ...], str]]] = {}  # keyed by the letters of the first word
        for phrase in (*phrases, *more):
            if _ANYWHERE.search(phrase):
                self._anywhere[bare(phrase)] = phrase
                continue
            for spelt in dict.fromkeys((phrase, phrase.replace("'", ""))):  # often written without the apostrophe
                if words := tuple(map(key, _WORD.findall(bare(spelt)))):
                    self._runs.setdefault(letters(words[0]), []).append((words, phrase))

    def phrase_in(self, text: str) -> str | None:
        """The phrase with which the text asks the bot to stop."""
        text = _IGNORED.sub(" ", text)
        plain = bare(text)
        for folded, phrase in self._anywhere.items():
            if folded in plain:
                return phrase
        for words in views(text):
            keys = [key(word) for word in words]
            for start, first in enumerate(keys):
                for run, phrase in self._runs.get(letters(first), ()):
                    window = keys[start : start + len(run)]
                    if len(window) == len(run) and all(map(is_drawn_out, window, run)):
                        return phrase
        return None
