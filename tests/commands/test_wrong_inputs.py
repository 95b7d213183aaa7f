"""Forty wrong inputs: each gets a sentence and its exit code, no traceback, and changes nothing."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from bot import cli
from tests.installed import environment

if TYPE_CHECKING:
    from pathlib import Path

USAGE, FAILED, CONFIG = 2, 1, 78
FILES = {
    "empty.zip": b"",
    "half.zip": b"PK\x03\x04 and no more",
    "private.js": b'window.YTD.direct_messages.part0 = [ {"dmConversation": {}} ]',
    "no-list.js": b"window.YTD.tweets.part0 = 5",
    "cut.js": b'window.YTD.tweets.part0 = [ {"tweet": {"id_str": "1", "full_te',
    "latin.csv": b"text,created_at\n\xe9t\xe9,yesterday\n\xff\xfe",
    "nobody.csv": b"text\nhello there\n",
    "binary": bytes(range(256)) * 9,
    "deep.json": b"[" * 5000,
    "bracket.toml": b"[voice\n",
    "twice.toml": b"live = true\nlive = false\n",
    "section.toml": b"voice = 3\n",
    "dotted.toml": b'"x.keys" = "/tmp"\n',
    "secret.toml": b'[x]\nconsumer_key = "canary"\n',
    "zone.toml": b'[schedule]\ntimezone = "Berlin"\n',
    "list.toml": b'[screen]\ndeny_file = "/nowhere/deny.txt"\n',
    "not-utf-8.toml": b'bot = "\xff"\n',
}
# The arguments, with {} for the folder of the files; the exit code; what the sentence names.
WRONG = [
    ("--state {}/binary status", USAGE, "is a file and not a folder"),
    ("--state= status", USAGE, "is empty"),
    ("stauts", USAGE, "did you mean status?"),
    ("history -n 0", USAGE, "0 is too few"),
    ("history -n five", USAGE, "'five' is not a whole number"),
    ("history --limti 3", USAGE, "did you mean --limit?"),
    ("history --csv --json", USAGE, "not allowed with"),
    ("history 7", USAGE, "no place for '7'"),
    ("spend --days 0", USAGE, "0 is too few"),
    ("sample -n 0", USAGE, "0 is too few"),
    ("evaluate -n 0", USAGE, "0 is too few"),
    ("review aprove 7", USAGE, "did you mean approve?"),
    ("review approve seven", USAGE, "'seven' is not a whole number"),
    ("review edit 7", USAGE, "--text"),
    ("screen", USAGE, "required"),
    ("screen text --file {}/binary", USAGE, "not allowed with"),
    ("pause --for 0s", USAGE, "longer than 0s"),
    ("pause --for 2 h", USAGE, "'2' is not a duration"),
    ("pause --until 25:00", USAGE, "'25:00' is not a time"),
    ("run --every 99999d", USAGE, "longer than a year"),
    ("run --mode manual", USAGE, "none of auto, review"),
    ("retrain --from base2", USAGE, "did you mean base?"),
    ("delete -- -1", USAGE, "not a whole number"),
    ("block not-a-handle", USAGE, "is not a handle"),
    ("export", USAGE, "--folder --gguf"),
    ("status --check --jsno", USAGE, "no option"),
    ("import {}/empty.zip", FAILED, "empty.zip"),
    ("import {}/half.zip", FAILED, "half.zip"),
    ("import {}/private.js", FAILED, "does not begin like a file of public tweets"),
    ("import {}/no-list.js", FAILED, "holds no list of records"),
    ("import {}/cut.js --as @magpie", FAILED, "cut.js"),
    ("import {}/nobody.csv", FAILED, "--as @handle"),
    ("import {}/binary --as @magpie", FAILED, "binary"),
    ("import {}/deep.json --as @magpie", FAILED, "deep.json"),
    ("import {}/missing.zip", FAILED, "does not exist"),
    ("import", FAILED, "say what to import"),
    ("screen --file {}/binary", FAILED, "not UTF-8 text"),
    ("restore {}/binary", FAILED, "not a SQLite file"),
    ("promote 2031", FAILED, "2031"),
    ("watch", FAILED, "needs a terminal"),
    ("--config {}/bracket.toml status", CONFIG, "not valid TOML"),
    ("--config {}/twice.toml status", CONFIG, "not valid TOML"),
    ("--config {}/section.toml status", CONFIG, "voice: must be a section"),
    ("--config {}/dotted.toml status", CONFIG, "write a section as [x]"),
    ("--config {}/secret.toml status", CONFIG, "secrets do not belong"),
    ("--config {}/zone.toml status", CONFIG, "'Berlin' is not a time zone"),
    ("--config {}/list.toml config --check", CONFIG, "deny.txt is not a file"),
    ("--config {}/not-utf-8.toml status", CONFIG, "not valid TOML"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(("line", "code", "part"), WRONG, ids=[line for line, _, _ in WRONG])
def test_a_wrong_input_gets_a_sentence_and_changes_nothing(
    files: Path, tmp_path: Path, line: str, code: int, part: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in [name for name in os.environ if name.startswith("MYNAH_")]:
        monkeypatch.delenv(name)
    for name, value in environment(MYNAH_STATE=str(tmp_path / "state")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    try:
        result = cli.main([word.replace("{}", str(files)) for word in line.split()])
    except SystemExit as stop:
        result = int(str(stop.code))

    out, err = capsys.readouterr()
    assert (result, "Traceback" in out + err) == (code, False)
    assert part in " ".join(err.split())
    assert err.splitlines()[-1].startswith(("mynah: ", "  "))
    assert "canary" not in out + err
    assert not any((tmp_path / "state").glob("*.db"))
