"""The models of many bots: bases in memory once, the voices used last kept, and few drafting at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from bot.errors import ModelError, training_errors
from bot.fleet.member import NotYet
from bot.running import assembly
from bot.running.app import is_mute
from bot.voice.voice import return_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from bot.config.settings import Settings
    from bot.voice.model_voice import Engine, ModelVoice
    from training.speak.sampler import Sampler

    Key = tuple[object, ...]

MEGABYTE = 1_000_000
MOST_KEPT = 400 * MEGABYTE  # of voices that no bot is using just now: eight adapters to SmolLM2
FACTORS = {"adapter.safetensors": 2.5, "light.safetensors": 1.2}  # bytes in memory per byte of a file; others: 1
UNREAD = "model.safetensors"  # by the light engine


class SharedVoices:
    """Opens voices for all bots; threads may share it."""

    def __init__(self, store: Path, *, drafting: int, most_kept: int = MOST_KEPT) -> None:
        """`store`: the folder of the bases. `drafting`: how many voices may load or draft at a time."""
        from training.speak.bases import Bases

        self.store = store
        self._bases = Bases(store)
        self._turns = Turns(drafting)
        self._most_kept = most_kept
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[ModelVoice, int]] = OrderedDict()
        self._tested: set[Key] = set()
        self._was_used = False

    def missing_base(self, model: Path, settings: Settings) -> str:
        """The name of the base that this model shares with others, if it has to be made first."""
        with training_errors(ModelError):
            return self._bases.missing(model, engine=settings.voice.engine, device=settings.voice.device)

    def open(self, folder: Path, settings: Settings) -> ModelVoice:
        """The voice of a model folder; its first use in this process tests whether it can generate a word."""
        key = _key(folder, settings)
        with self._lock:
            self._was_used = True
            if key in self._kept and self._kept[key][0].why_changed():
                del self._kept[key]  # its files were written into: it is checked and loaded again
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        with self._turns:
            voice = assembly.voice(folder, settings, open_sampler=self._open_sampler)
        if key not in self._tested and is_mute(voice):
            raise ModelError(f"{folder} loads but generates nothing: train it again, or run `mynah rollback`")
        with self._lock:
            self._tested.add(key)
            self._kept[key] = voice, _size(folder, voice.engine)
            while sum(size for _, size in self._kept.values()) > self._most_kept and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return voice

    def close(self) -> None:
        """Let the drafts in progress end, and begin no others: rounds that wait for their turn are not made."""
        self._turns.close()

    def tidy(self) -> None:
        """Return memory to the kernel, if voices were used since the last call."""
        with self._lock:
            was_used, self._was_used = self._was_used, False
        if was_used:
            return_memory()

    def _open_sampler(
        self, folder: Path, /, *, engine: Engine, device: str, threads: int
    ) -> tuple[Literal["torch", "light"], Sampler]:
        chosen, sampler = self._bases.open_sampler(folder, engine=engine, device=device, threads=threads)
        return chosen, InTurn(sampler, self._turns)  # type: ignore[return-value]  # it has all that a voice uses


class Turns:
    """Lets only so many be at work at a time: more would only wait for the processor."""

    def __init__(self, most: int) -> None:
        self._places = threading.BoundedSemaphore(most)
        self._is_closed = False

    def close(self) -> None:
        self._is_closed = True

    def __enter__(self) -> None:
        self._places.acquire()
        if self._is_closed:
            self._places.release()
            raise NotYet("the process is stopping: this round is left to the next start")

    def __exit__(self, *_: object) -> None:
        self._places.release()


class InTurn:
    """A sampler that works when it has its turn."""

    def __init__(self, sampler: Sampler, turns: Turns) -> None:
        self._sampler = sampler
        self._turns = turns

    def draft(self, prompt: str, **options: Any) -> Any:
        with self._turns:
            return self._sampler.draft(prompt, **options)

    def log_likelihoods(self, texts: Sequence[str], **options: Any) -> list[float]:
        with self._turns:
            return self._sampler.log_likelihoods(texts, **options)


def _key(folder: Path, settings: Settings) -> Key:
    """A version's files do not change, except when somebody repairs them; the manifest is written last."""
    voice = settings.voice
    try:
        status = (folder / "manifest.json").stat()
        stamp: Key = (status.st_ino, status.st_mtime_ns)
    except OSError:
        stamp = ()
    chosen = (voice.engine, voice.device, voice.threads, voice.temperature, voice.top_p, voice.max_tokens)
    return (folder, stamp, chosen)


def _size(folder: Path, engine: str) -> int:
    """About the bytes of a voice in memory, those of its base left out."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    if engine == "light":
        sizes.pop(UNREAD, None)
    return int(sum(size * FACTORS.get(name, 1.0) for name, size in sizes.items()))
