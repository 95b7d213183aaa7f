"""The process that has the model in memory, so that the page itself never does: `mynah web --speak`.

It reads a request a line from standard input, and answers with lines of JSON. It ends when nobody asks for a while,
or when the page ends.
"""

from __future__ import annotations

import json
import select
import sys
from typing import TYPE_CHECKING, Any

from bot.commands.drafts import judged
from bot.config.state_dir import StateDir
from bot.errors import ModelError, MynahError
from bot.history.store import Store
from bot.rounds.posting import last_said
from bot.running import assembly
from bot.text.visible import direct
from bot.voice.model_voice import promoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bot.config.settings import Settings
    from bot.voice.model_voice import ModelVoice

IDLE_SECONDS = 300.0
AT_ONCE = 2  # drafts in one call: more are faster together, but then the first appears late
MOST = 20
LONGEST_PICTURE = 600  # characters


class Speaking:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state_dir = StateDir(settings.state)
        self._voice: ModelVoice | None = None

    def answers(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The answers to a request, as they are made."""
        try:
            if request.get("kind") == "picture":
                yield {"png": self._picture(str(request["text"])[:LONGEST_PICTURE], str(request["prompt"]))}
            else:
                yield from self._drafts(str(request["prompt"]), int(request["number"]), int(request["seed"]))
        except MynahError as error:
            yield {"problem": str(error)}
        except ModuleNotFoundError as error:
            from bot.commands.opening import how_to_install

            yield {"problem": f"{error.name} is not installed: {how_to_install(error) or 'install it'}"}
        yield {"end": True}

    def _drafts(self, prompt: str, number: int, seed: int) -> Iterator[dict[str, Any]]:
        voice = self._opened()
        store = Store.open(self._state_dir.history, read_only=True) if self._state_dir.history.exists() else None
        try:
            screen = assembly.screen(self._settings, store, voice)
            last = last_said(store, dry=not self._settings.live) if store else []
            for begun in range(0, min(number, MOST), AT_ONCE):
                drafts = voice.draft(prompt, n=min(AT_ONCE, number - begun), seed=(seed + begun) % 2**32)
                for draft, score, reasons in judged(drafts, voice.person, screen, last):
                    yield {
                        "text": draft.text,
                        "prompt": draft.prompt,
                        "seed": draft.seed,
                        "likelihood": draft.likelihood,
                        "finished": draft.finished,
                        "model": voice.name,
                        "score": score.total,
                        "parts": dict(score.parts),
                        "reasons": [[reason.name, reason.detail] for reason in reasons],
                    }
        finally:
            if store:
                store.close()

    def _opened(self) -> ModelVoice:
        """The current model, in the light form where there is one; another one after a promotion."""
        current = promoted(self._state_dir.models)
        if current is None:
            raise ModelError("there is no model yet: `mynah retrain` makes one")
        if self._voice is None or self._voice.name != current.name:
            self._voice = _open(current, self._settings)
        return self._voice

    def _picture(self, text: str, prompt: str) -> str:
        """The picture of a prediction, as PNG in base64."""
        from base64 import b64encode

        from training.card.picture import predictions_png
        from training.card.publish import AVATAR
        from training.models.model_dir import read_manifest

        current = promoted(self._state_dir.models)
        authors = read_manifest(current).authors if current else ()
        faces = [(author, current / f"{AVATAR}{author}.jpg") for author in authors] if current else []
        png = predictions_png(
            name=" & ".join(f"@{author}" for author in authors) or f"@{self._settings.bot}",
            handle=self._settings.bot,
            bot_word="AI BOT" if len(authors) < 2 else "AI CYBORG",
            people=[(author, face if face.is_file() else None) for author, face in faces],
            prompt=prompt,
            prediction=text,
        )
        return b64encode(png).decode()


def _open(folder: Path, settings: Settings) -> ModelVoice:
    light = settings.model_copy(update={"voice": settings.voice.model_copy(update={"engine": "light"})})
    try:
        return assembly.voice(folder, light)
    except (ModelError, ModuleNotFoundError):  # a model without a light form, or no ONNX Runtime
        return assembly.voice(folder, settings)


def speak(settings: Settings, *, idle_seconds: float = IDLE_SECONDS) -> int:
    """Answer until nobody asks. Standard input is read without a buffer, which `select` would not see."""
    speaking, out, rest = Speaking(settings), direct(sys.stdout), b""
    stdin = sys.stdin.buffer.raw if hasattr(sys.stdin.buffer, "raw") else sys.stdin.buffer
    while select.select([stdin], [], [], idle_seconds)[0]:
        block = stdin.read(65_536)
        if not block:
            break
        *requests, rest = (rest + block).split(b"\n")
        for line in requests:
            for answer in speaking.answers(json.loads(line)):
                out.write(json.dumps(answer) + "\n")  # in ASCII: nothing in it moves a cursor
                out.flush()
    return 0
