"""Cuts the power of a machine that writes a history: `make power`, or `python -m tests.trials.power --cuts 20`.

A guest in QEMU writes the states of posts through the real store and prints each commit that was acknowledged. QEMU is
killed at a random moment, sometimes while the history is being reopened; in half of the cuts the disk forgets any part
of what was not flushed. After the next start, all that was acknowledged must be there, and nothing incomplete. Then the
same with SQLite's default instead of our setting, the control: if it loses nothing, this test shows nothing. The exit
code is 1 if something is lost, or nothing by the control.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.trials.power.judge import GuestReport, Judge
from tests.trials.power.machine import Machine, System
from tests.trials.qemu.emulator import why_not

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = Path(os.environ.get("MYNAH_POWER", "/var/tmp/mynah-power"))
PATIENCE = 600.0  # seconds; ten on an idle machine
LONGEST = 0.5  # of the time that the start took: how long the guest writes at most
EARLY, WHILE_OPENING = 0.15, 0.2  # share of the cuts while the history is opened; how long after `opening`, as above
FORGETS = 0.5  # share of the cuts after which the disk forgets writes
PER_DISK = 10  # cuts, then a fresh disk: each start reads the whole history
DEFAULT = "DELETE/FULL"  # SQLite's own


@dataclass
class Figures:
    cuts: int = 0
    early: int = 0
    forgetful: int = 0
    forgotten: int = 0  # writes that the disk lost
    acked: int = 0
    lossy: int = 0  # cuts that lost something
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.cuts} cuts ({self.early} while it was opened, {self.forgetful} in which the disk forgot "
            f"{self.forgotten:,} writes), {self.acked:,} commits acknowledged: {self.lost} lost in {self.lossy} cuts, "
            f"{len(self.wrong)} damaged or incomplete"
        )


class Series:
    """Consecutive power cuts of one disk under one setting."""

    def __init__(self, machine: Machine, rng: random.Random, journal: str = "") -> None:
        self._machine = machine
        self._rng = rng
        self._journal = journal
        self.figures = Figures()

    def run(self, cuts: int) -> Figures:
        self._machine.fresh()
        with tempfile.TemporaryDirectory() as folder:
            judge = Judge(Path(folder))
            for _ in range(cuts):
                self._cut(judge)
            self._judge(judge, self._run_guest(lambda report: report.is_complete, 0))  # after the last cut
        return self.figures

    def _cut(self, judge: Judge) -> None:
        early, forgets = self._rng.random() < EARLY, self._rng.random() < FORGETS
        share = self._rng.uniform(0, WHILE_OPENING if early else LONGEST)
        report = self._run_guest(lambda report: report.is_open if early else report.is_complete, share)
        if report.is_complete:
            self._judge(judge, report)
        if forgets:
            until, forgotten = self._machine.forget(self._rng)
        else:
            self._machine.keep_all()
            until, forgotten = None, 0
        if acked := report.acked(until):
            self.figures.acked += acked - judge.acked
            judge.acked = acked
        self.figures.cuts += 1
        self.figures.early += early
        self.figures.forgetful += forgets
        self.figures.forgotten += forgotten
        state = "cut while it was opened" if report.at is None else f"found {report.at} commits"
        where = f"{self._machine.name}, {self._journal or 'ours'}, cut {self.figures.cuts}"
        say(f"{where}: {state}, acknowledged {judge.acked}, forgot {forgotten} writes")

    def _run_guest(self, is_ready: Callable[[GuestReport], bool], share: float) -> GuestReport:
        """Run the guest until it is ready, and for a share of that time more; then cut the power."""
        report, began = GuestReport(sent=self._machine.sent), time.monotonic()
        with self._machine.start(self._journal) as guest:
            while not is_ready(report):
                if time.monotonic() - began > PATIENCE:
                    raise RuntimeError(f"the guest was not ready within {PATIENCE:.0f} s: {report}")
                report.parse(guest.lines(0.1))
            report.parse(guest.lines(share * (time.monotonic() - began)))
            report.parse(guest.cut())
        return report

    def _judge(self, judge: Judge, report: GuestReport) -> None:
        verdict = judge.judge(report)
        self.figures.lossy += verdict.lost > 0
        self.figures.lost += verdict.lost
        self.figures.wrong += verdict.wrong
        if verdict.wrong or (verdict.lost and not self._journal):
            copy = self._machine.keep(f"wrong-{self._journal.replace('/', '-') or 'ours'}-{self.figures.cuts}.img")
            say("\n".join([f"{verdict.lost} lost", *verdict.wrong, *report.noise, f"the disk is kept: {copy}"]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trials.power", description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--control", type=int, default=10, help="cuts with the setting that must lose commits; 0: none")
    parser.add_argument(
        "--journal", type=setting, default=DEFAULT, help=f"the control's, as MODE/SYNCHRONOUS ({DEFAULT})"
    )
    parser.add_argument("--guests", type=int, default=2, help="number of guests in parallel")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments")
    parser.add_argument("--accelerator", default="tcg", help="QEMU's accelerator; kvm where it works")
    args = parser.parse_args()
    if reason := why_not():
        say(f"skipped: {reason}")
        return 0
    say(f"a machine in {CACHE} (the first time: a Debian is fetched)")
    began = time.monotonic()
    ours, control = cut_all(args)
    took = timedelta(seconds=round(time.monotonic() - began))
    say(f"power: {ours}. Control {args.journal}: {control}. Seed {args.seed}, {took}")
    return exit_code(ours, control)


def setting(text: str) -> str:
    if not re.fullmatch("[A-Z]+/[A-Z]+", text):
        raise argparse.ArgumentTypeError(f"{text} is not MODE/SYNCHRONOUS, such as {DEFAULT}")
    return text


def cut_all(args: argparse.Namespace) -> tuple[Figures, Figures]:
    """Run all cuts, with several guests in parallel."""
    system = System(CACHE)
    sums = {"": Figures(), args.journal: Figures()}
    disks = [("", cuts) for cuts in split_cuts(args.cuts)] + [(args.journal, cuts) for cuts in split_cuts(args.control)]

    def run_disk(nth: int) -> tuple[str, Figures]:
        journal, cuts = disks[nth]
        machine = Machine(system, CACHE / f"disk-{nth + 1}", accelerator=args.accelerator)
        return journal, Series(machine, random.Random(f"{args.seed} {nth}"), journal).run(cuts)

    with ThreadPoolExecutor(args.guests) as guests:
        for journal, figures in guests.map(run_disk, range(len(disks))):
            sums[journal] += figures
    return sums[""], sums[args.journal]


def split_cuts(cuts: int) -> list[int]:
    """The number of cuts for each disk."""
    return [min(PER_DISK, cuts - first) for first in range(0, cuts, PER_DISK)]


def exit_code(ours: Figures, control: Figures) -> int:
    if control.cuts and not (control.lost or control.wrong):
        say("the control lost nothing, so this test proves nothing")
        return 1
    return 1 if ours.lost or ours.wrong else 0


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
