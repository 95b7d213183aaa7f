"""How fast the page is, with an empty history and with one of a million posts, and how much memory it takes.

    python benchmarks/page.py [--rows 1000000] [--beside]

Prints the median time of each page over HTTP, beside the processor time that it takes, which other programs of the
machine do not lengthen; then the memory of the process. With --beside, Streamlit and FastAPI
are installed into a temporary virtual environment, and a hello-world of each is measured in the same way.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bot.history.store import Store  # noqa: E402  found through the line above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RUNS = 15
PAGES = {
    "Home": "/",
    "Queue": "/queue",
    "History, newest": "/history",
    "History, in the middle": "/history?before={middle}",
    "History, a rare state": "/history?state=rejected",
    "History, a state that none has": "/history?state=posted",
    "History, a common word": "/history?words=soup",
    "History, a word that none has": "/history?words=banana",
    "A post's story": "/history/{middle}",
    "Settings": "/settings",
}
STREAMLIT = 'import streamlit as st\nst.write("Hello, world")\n'
FASTAPI = 'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/")\ndef hello():\n    return "Hello, world"\n'


def fill(state: Path, rows: int) -> None:
    """Write posts as a bot that posts every three minutes would have left them; one in a thousand was rejected."""
    with Store.open(state / "history.db") as store:
        connection = store._db.conn  # noqa: SLF001  a bot would take years
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        # What compares posts takes most of the time, and no page looks at it.
        is_slow = "type = 'trigger' AND sql LIKE '%near_keys%'"
        triggers = dict(connection.execute(f"SELECT name, sql FROM sqlite_master WHERE {is_slow}").fetchall())
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        at = "strftime('%Y-%m-%dT%H:%M:00.000Z', 1580000000 + 180 * i, 'unixepoch')"
        connection.execute(f"{numbers} INSERT INTO slot SELECT i, 1, {at}, 'spoken', '', {at} FROM n", [rows])
        connection.execute(
            f"""{numbers} INSERT INTO post (kind, dry, state, slot, text, norm, length, prompt, seed, likelihood, model,
                created_at, changed_at)
            SELECT 'post', 1, 'drafted', i, 'The ' || word || ' had a word with platform ' || i || '.',
                'the ' || word || ' had a word with platform ' || i, 50, '', i, -2.0, 'some-model', at, at
            FROM (
                SELECT i, {at} AS at, CASE i % 5 WHEN 0 THEN 'soup' WHEN 1 THEN 'bell' ELSE 'kettle' END AS word FROM n
            )
            """,
            [rows],
        )
        connection.execute("UPDATE post SET state = 'rejected' WHERE id % 1000 = 0")
        connection.execute("UPDATE post SET state = 'expired' WHERE state = 'drafted'")
        for sql in triggers.values():
            connection.execute(sql)
        connection.execute("COMMIT")


@contextmanager
def running(command: Sequence[str | Path], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                try:
                    HTTPConnection("127.0.0.1", port, timeout=1).connect()
                    break
                except OSError:
                    time.sleep(0.1)
                    if process.poll() is not None:
                        log.seek(0)
                        raise SystemExit(log.read().decode()) from None
            yield process
        finally:
            process.terminate()
            process.wait()


def memory(process: subprocess.Popen[bytes]) -> float:
    """Its resident memory in MB: what is its own, and its share of what it has in common with others."""
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) * 1024 / 1e6  # type: ignore[index]


def processor(process: subprocess.Popen[bytes]) -> float:
    """The processor time that it has had, in milliseconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return 1_000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds(process: subprocess.Popen[bytes], port: int, path: str, cookie: str) -> tuple[float, float]:
    """The median of some requests, each with a connection of its own; and the mean of their processor time."""
    times, before = [], processor(process)
    for _ in range(RUNS):
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": cookie})
        response = connection.getresponse()
        response.read()
        times.append(1_000 * (time.perf_counter() - began))
        connection.close()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status}")
    return statistics.median(times), (processor(process) - before) / RUNS


def measure(state: Path, port: int, rows: int) -> tuple[dict[str, tuple[float, float]], float, float]:
    """The times of the pages, and the memory before and after they were asked for."""
    mynah = [sys.executable, "-m", "bot", "--state", str(state), "web"]
    listen = ["--listen", f"127.0.0.1:{port}"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(state)}
    link = subprocess.run([*mynah, "--new-token"], env=environment, check=True, capture_output=True, text=True).stdout
    with running([*mynah, *listen], port, XDG_CONFIG_HOME=str(state)) as process:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/signin?token=" + link.strip().rpartition("=")[2])
        cookie = connection.getresponse().headers["set-cookie"].split(";")[0]
        idle = memory(process)
        times = {
            name: milliseconds(process, port, path.format(middle=rows // 2), cookie)
            for name, path in PAGES.items()
            if rows or "{middle}" not in path
        }
        return times, idle, memory(process)


def beside(folder: Path) -> dict[str, float]:
    """The idle memory of a hello-world of Streamlit and of FastAPI, after one request."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv/bin/pip", "install", "--quiet", "streamlit", "fastapi", "uvicorn"], check=True)
    (folder / "hello.py").write_text(STREAMLIT)
    (folder / "api.py").write_text(FASTAPI)
    binaries = folder / "venv/bin"
    streamlit = [binaries / "streamlit", "run", folder / "hello.py", "--server.port=8891", "--server.headless=true"]
    fastapi = [binaries / "uvicorn", "--app-dir", folder, "--port", "8892", "api:app"]
    found = {}
    for name, command, port in (("Streamlit", streamlit, 8891), ("FastAPI", fastapi, 8892)):
        with running(command, port, STREAMLIT_BROWSER_GATHER_USAGE_STATS="false") as process:
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/")
            connection.getresponse().read()
            time.sleep(1)
            found[name] = memory(process)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--beside", action="store_true", help="also measure a hello-world of Streamlit and of FastAPI")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        empty, full = Path(place, "empty"), Path(place, "full")
        empty.mkdir(mode=0o700)
        full.mkdir(mode=0o700)
        fill(full, args.rows)
        size = (full / "history.db").stat().st_size / 1e6
        few, idle, used = measure(empty, 8893, 0)
        many, idle_full, used_full = measure(full, 8894, args.rows)
        print(f"milliseconds a page, the median of {RUNS}; the history of {args.rows:,} posts has {size:.0f} MB\n")
        print(f"{'page':34}{'empty':>10}{'processor':>10}{'full':>10}{'processor':>10}")
        for name, figures in many.items():
            print(f"{name:34}" + "".join(f"{figure:>10.1f}" for figure in (*few.get(name, (math.nan,) * 2), *figures)))
        print(f"\n{'MB of memory':34}{'empty':>10}{'':10}{'full':>10}")
        print(f"{'mynah web, after the sign-in':34}{idle:>10.1f}{'':10}{idle_full:>10.1f}")
        print(f"{'mynah web, after all pages':34}{used:>10.1f}{'':10}{used_full:>10.1f}")
        if args.beside:
            for name, amount in beside(Path(place)).items():
                print(f"{name + ', a hello-world':34}{amount:>10.1f}")


if __name__ == "__main__":
    main()
