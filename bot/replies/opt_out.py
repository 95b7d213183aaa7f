"""Does somebody want to be left alone? X asks that a bot stop when it is told to, so in doubt the answer is yes.

It knows words, and sees through the disguises that the screen knows; it does not know who spoke, or to whom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.screen.disguises import bare, is_drawn_out, key, letters, views
from bot.text.scripts import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.screen.disguises import Key

# As people say it to a machine, a language or a family of them a line. Words that mean something else besides ("para",
# "dur") are left out, and so is "mute", which people ask of others.
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
# Scripts that write without spaces, or glue endings on, as Korean does: there a phrase is looked for anywhere.
_ANYWHERE = re.compile(rf"{UNSPACED}|[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W_]+")
_NOT_SAID = re.compile(r"https?://\S+|(?<![\w@])@\w+", re.IGNORECASE)  # a handle such as @stop is nobody's wish


class OptOut:
    """The words that are known, and `more` of one's own."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        phrases = [phrase.strip() for line in WORDS.strip().splitlines() for phrase in line.split(",")]
        self._anywhere: dict[str, str] = {}
        self._runs: dict[str, list[tuple[tuple[Key, ...], str]]] = {}  # by the letters of their first words
        for phrase in (*phrases, *more):
            if _ANYWHERE.search(phrase):
                self._anywhere[bare(phrase)] = phrase
                continue
            for spelt in dict.fromkeys((phrase, phrase.replace("'", ""))):  # in haste there is no apostrophe
                if words := tuple(map(key, _WORD.findall(bare(spelt)))):
                    self._runs.setdefault(letters(words[0]), []).append((words, phrase))

    def found(self, text: str) -> str | None:
        """The phrase by which the text asks for it."""
        said = _NOT_SAID.sub(" ", text)
        plain = bare(said)
        for folded, phrase in self._anywhere.items():
            if folded in plain:
                return phrase
        for words in views(said):
            keys = [key(word) for word in words]
            for start, first in enumerate(keys):
                for run, phrase in self._runs.get(letters(first), ()):
                    told = keys[start : start + len(run)]
                    if len(told) == len(run) and all(map(is_drawn_out, told, run)):
                        return phrase
        return None
