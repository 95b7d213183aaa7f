"""One target under atheris, in a process of its own, which libFuzzer ends; `python -m tests.trials.fuzz` starts it.

It continues after a finding; of findings that end in the same line of our code, the first is kept.
"""

from __future__ import annotations

import hashlib
import random
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["bot", "training"]):
    from tests.trials.fuzz.kinds import error_message
    from tests.trials.fuzz.targets import TARGETS

from tests.trials.fuzz.mutation import mutate_document

if TYPE_CHECKING:
    from tests.trials.fuzz.kinds import Target

LONGEST = 65_536  # bytes of an input
SLOWEST = 20  # seconds for one input: slowness on a busy machine is not a finding
MEMORY_MB = 3_000


class Reporter:
    def __init__(self, name: str, target: Target, findings: Path) -> None:
        self._name = name
        self._target = target
        self._findings = findings
        self._reported: set[str] = set()

    def take(self, data: bytes) -> None:
        try:
            error_message(self._target, data)
        except Exception as error:  # noqa: BLE001  anything but our own errors is a finding
            self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        where = last_line_of_ours(error)
        if where in self._reported:
            return
        self._reported.add(where)
        path = self._findings / f"{self._name}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        print(f"FOUND {path} {type(error).__name__} at {where}: {str(error)[:200]!r}", flush=True)


def last_line_of_ours(error: Exception) -> str:
    """The last line of our code in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bot/" in frame.filename or "/training/" in frame.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno} in {last.name}"


def mutate_input(data: bytes, most: int, seed: int) -> bytes:
    """Half of the inputs by libFuzzer's mutations, half by the document's structure."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        return atheris.Mutate(data, most)
    return mutate_document(data, rng, rng.randrange(1, 4))[:most]


def main() -> None:
    name, folder, seconds, seed = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    corpus, findings, work = (folder / part for part in ("corpus", "found", "work"))
    for part in (corpus, findings, work):
        part.mkdir(parents=True, exist_ok=True)
    target = TARGETS[name](work)
    for number, document in enumerate(target.seeds()):
        (corpus / f"seed-{number:03}").write_bytes(document)
    limits = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": LONGEST,
        "timeout": SLOWEST,
        "rss_limit_mb": MEMORY_MB,
        "artifact_prefix": f"{findings}/{name}-",
        "print_final_stats": 1,
    }
    options = [f"-{option}={value}" for option, value in limits.items()]
    atheris.Setup(
        [sys.argv[0], *options, str(corpus)], Reporter(name, target, findings).take, custom_mutator=mutate_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
