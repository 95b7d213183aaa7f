"""Whether a history survived: it equals the result of the first N commits, all acknowledged ones among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.history.store import Store
from tests.trials.power import workload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@dataclass
class Told:
    """What the guest has said since it was started."""

    is_open: bool = False
    at: int | None = None  # how far the history had come, once all of it was told
    acks: list[tuple[int, int]] = field(default_factory=list)  # each with how much the disk had been sent by then
    sent: Callable[[], int] = lambda: 0
    tables: dict[str, tuple[int, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)

    def hear(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._hear(line)

    def _hear(self, line: str) -> None:
        match line.split(" ", 1):
            case ["opening"]:
                self.is_open = True
            case ["ack", nth]:
                self.acks.append((int(nth), self.sent()))
            case ["at", nth]:
                self.at = int(nth)
            case ["table", rest]:
                name, rows, digest = rest.split()
                self.tables[name] = (int(rows), digest)
            case ["damage" | "broken", _]:
                self.wrong.append(line)
            case ["ended"]:  # it does so only where it cannot go on
                self.wrong = self.wrong or ["\n".join(self.noise)]
            case _:
                self.noise.append(line)

    def acked(self, until: int | None = None) -> int:
        """The last one, or the last that was heard before the disk had been sent more than that."""
        return max((nth for nth, sent in self.acks if until is None or sent <= until), default=0)

    @property
    def has_told(self) -> bool:
        return self.at is not None or bool(self.wrong)


@dataclass(frozen=True)
class Verdict:
    lost: int  # commits that were acknowledged and are not there
    wrong: list[str]


class Judge:
    """Of one history, over all its power cuts. It makes the same commits on this machine, to compare with."""

    def __init__(self, folder: Path) -> None:
        self.acked = 0
        self._folder = folder
        self._made = 0

    def judge(self, told: Told) -> Verdict:
        """What was found, against what was acknowledged before; it is gone on from what was found."""
        found = told.at or 0
        wrong = list(told.wrong)
        if not wrong:
            ours = self._tables(found)
            wrong = [
                f"table {name}: {told.tables.get(name, 'missing')} where {found} commits make {ours.get(name, 'none')}"
                for name in sorted(ours.keys() | told.tables)
                if ours.get(name) != told.tables.get(name)
            ]
        lost = max(self.acked - found, 0)
        self.acked = found
        return Verdict(lost, wrong)

    def _tables(self, commits: int) -> dict[str, tuple[int, str]]:
        path = self._folder / "reference.db"
        if commits < self._made:
            path.unlink()
            self._made = 0
        with Store.open(path) as store:
            store.write("PRAGMA synchronous = OFF", {})  # nobody cuts the power here
            for commit in workload.commits(after=self._made):
                if commit.nth > commits:
                    break
                workload.write(store, commit)
                self._made = commit.nth
            return workload.tables(store)
