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
class GuestReport:
    """The guest's output since it was started."""

    is_open: bool = False
    at: int | None = None  # the history's position, once all tables were printed
    acks: list[tuple[int, int]] = field(default_factory=list)  # commit, and length of the write log then
    sent: Callable[[], int] = lambda: 0
    tables: dict[str, tuple[int, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)

    def parse(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._parse_line(line)

    def _parse_line(self, line: str) -> None:
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
            case ["ended"]:  # printed only after a failure
                self.wrong = self.wrong or ["\n".join(self.noise)]
            case _:
                self.noise.append(line)

    def acked(self, until: int | None = None) -> int:
        """The last acknowledged commit, or the last one before the write log was longer than that."""
        return max((nth for nth, sent in self.acks if until is None or sent <= until), default=0)

    @property
    def is_complete(self) -> bool:
        return self.at is not None or bool(self.wrong)


@dataclass(frozen=True)
class Verdict:
    lost: int  # commits that were acknowledged and are missing
    wrong: list[str]


class Judge:
    """Judges one history over all its power cuts, by making the same commits on this machine."""

    def __init__(self, folder: Path) -> None:
        self.acked = 0
        self._folder = folder
        self._commits = 0

    def judge(self, report: GuestReport) -> Verdict:
        """Compare the history with the acknowledged commits; the next report continues from what it has."""
        position = report.at or 0
        wrong = list(report.wrong)
        if not wrong:
            ours = self._tables(position)
            wrong = [
                f"table {name}: {report.tables.get(name, 'missing')} but {position} commits: {ours.get(name, 'none')}"
                for name in sorted(ours.keys() | report.tables)
                if ours.get(name) != report.tables.get(name)
            ]
        lost = max(self.acked - position, 0)
        self.acked = position
        return Verdict(lost, wrong)

    def _tables(self, commits: int) -> dict[str, tuple[int, str]]:
        path = self._folder / "reference.db"
        if commits < self._commits:
            path.unlink()
            self._commits = 0
        with Store.open(path) as store:
            store.write("PRAGMA synchronous = OFF", {})  # no power cut here
            for commit in workload.commits(after=self._commits):
                if commit.nth > commits:
                    break
                workload.write(store, commit)
                self._commits = commit.nth
            return workload.tables(store)
