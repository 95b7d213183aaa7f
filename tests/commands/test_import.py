"""`mynah import`, `mynah library` and `mynah forget` from outside, with every kind of file.

Longer than other files, because the three commands share their fixtures; what a model is trained on is here too.
"""

from __future__ import annotations

import io
import json
import os
import pty
import stat
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bot.cli import main
from bot.commands import library as commands
from bot.config.settings import Settings
from bot.errors import Busy, ConfigError, training_errors
from tests.installed import MYNAH, environment, lines
from tests.training import archives
from tests.training.archives import edit_of, edits, grailbird, note, of_2018, of_2020, of_2024, tweet, unpacked, zipped
from training.errors import StateBusy
from training.library.library import Library
from training.models.model_dir import Manifest
from training.sources.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = "the night train was late again and nobody minded"
TWEETS = [tweet(1, TEXT), tweet(2, "a pigeon asked me the way to the ticket office", "Sun Feb 19 12:33:11 +0000 2023")]
OLD = [
    {"id": 1, "created_at": "2013-01-01 00:00:00 +0000", "text": TEXT},
    {"id": 2, "created_at": "2013-01-02 03:04:05 +0000", "text": "a pigeon asked me the way to the ticket office"},
]


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


class Mynah:
    """Runs commands in this process, which is faster than starting Python for each."""

    def __init__(self, capsys: pytest.CaptureFixture[str], state: Path) -> None:
        self._capsys = capsys
        self.state = state

    def __call__(self, *arguments: str | Path) -> Result:
        self._capsys.readouterr()
        code = main(["--state", str(self.state), *map(str, arguments)])
        output = self._capsys.readouterr()
        return Result(code, output.out, output.err)

    def import_files(self, *arguments: str | Path) -> list[dict[str, Any]]:
        result = self("import", *arguments, "--json")
        assert result.returncode == 0, result.stderr
        return lines(result.stdout)

    def library(self, *arguments: str) -> list[dict[str, Any]]:
        result = self("library", "--json", *arguments)
        assert result.returncode == 0, result.stderr
        return lines(result.stdout)

    def texts(self, handle: str = "magpie") -> list[str]:
        with Library.open(self.state / "library.db", read_only=True) as one:
            return [tweet.text for tweet in one.archive(handle).tweets]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def mynah(capsys: pytest.CaptureFixture[str], state: Path, monkeypatch: pytest.MonkeyPatch) -> Mynah:
    for name in os.environ:
        if name.startswith("MYNAH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Mynah(capsys, state)


def write_file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "archive of 2024": lambda folder: zipped(folder / "a.zip", of_2024(TWEETS)),
    "unpacked": lambda folder: unpacked(folder / "a", of_2024(TWEETS)),
    "archive of 2020": lambda folder: zipped(folder / "a.zip", of_2020(TWEETS)),
    "archive of 2018": lambda folder: zipped(folder / "a.zip", of_2018(TWEETS)),
    "grailbird": lambda folder: zipped(folder / "a.zip", grailbird({"2013_01": OLD})),
    "grailbird's table": lambda folder: zipped(
        folder / "a.zip", {"tweets.csv": archives.table(OLD), "data/js/user_details.js": 'var user_details = {"a": 1}'}
    ),
    "its table alone": lambda folder: write_file(folder / "tweets.csv", archives.table(OLD)),
    "the one file": lambda folder: unpacked(folder, of_2024(TWEETS)) / "data" / "tweets.js",
    "JSON": lambda folder: write_file(folder / "a.json", json.dumps(TWEETS)),
    "JSON lines": lambda folder: write_file(folder / "a.jsonl", "\n".join(map(json.dumps, TWEETS))),
    "text": lambda folder: write_file(folder / "a.txt", f"{TEXT}\n{TWEETS[1]['full_text']}\n"),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_every_kind_of_file_is_imported_once(tmp_path: Path, mynah: Mynah, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)

    first, again = mynah.import_files(path, path, "--as", "@Magpie")

    assert (first["author"], first["found"], first["new"]) == ("magpie", 2, 2)
    assert (again["found"], again["new"], again["there"]) == (2, 0, 2)
    assert mynah.texts() == [TEXT, "a pigeon asked me the way to the ticket office"]


def test_an_import_reports_author_and_counts_and_keeps_the_library_private(tmp_path: Path, mynah: Mynah) -> None:
    old_archive = zipped(tmp_path / "old.zip", of_2024(TWEETS))
    tweets = [*TWEETS, tweet(3, "rain on the glass roof", "Mon Feb 20 12:33:11 +0000 2023"), tweet(4, "x", "?")]
    new_archive = zipped(tmp_path / "new.zip", of_2024(tweets, count=7))

    result = mynah("import", old_archive, new_archive)

    assert result.stdout.splitlines() == [
        f"{old_archive} (X archive): tweets by @Magpie (Ms Magpie)",
        "  2 found, as its manifest says: 2 new, 0 updated, 0 already there; 2023-02-18 to 2023-02-19",
        f"{new_archive} (X archive): tweets by @Magpie (Ms Magpie)",
        "  4 found: 2 new, 0 updated, 2 already there; 2023-02-18 to 2023-02-20",
        f"  {new_archive} says that it holds 7 tweets, but holds 4: it may be incomplete; download it again.",
        "  Tweets without a readable date, taken as the oldest: 1.",
    ]
    assert result.stderr == ""
    assert stat.S_IMODE((mynah.state / "library.db").stat().st_mode) == 0o600


def test_a_newer_archive_brings_edits_and_whole_texts(tmp_path: Path, mynah: Mynah) -> None:
    short = "tick tock, the station clock moves and I comment, tick tock, and so on…"
    full = short.removesuffix("…") + ", until the soup is cold"
    old_archive = zipped(tmp_path / "old.zip", of_2020([tweet(10, "a wurm"), tweet(11, short)]))
    tweets = [tweet(10, "a wurm", **edits(10, 12)), tweet(12, "a worm", **edit_of(10)), tweet(11, short)]
    new_archive = zipped(tmp_path / "new.zip", of_2024(tweets, [note(full)]))

    _, second = mynah.import_files(old_archive, new_archive)

    assert (second["new"], second["updated"], second["there"]) == (0, 2, 0)
    assert sorted(mynah.texts()) == ["a worm", full]


def test_tweets_deleted_on_x_are_reported_and_dropped_on_request(tmp_path: Path, mynah: Mynah) -> None:
    old_archive = zipped(tmp_path / "old.zip", of_2024(TWEETS))
    new_archive = zipped(tmp_path / "new.zip", of_2024(TWEETS[1:]))

    result = mynah("import", old_archive, new_archive)
    (row,) = mynah.import_files(new_archive, "--drop-deleted")

    assert "so probably deleted on X: 1; import again with --drop-deleted" in result.stdout
    assert row["dropped"] == 1
    assert mynah.texts() == [TWEETS[1]["full_text"]]


def test_a_renamed_account_is_noticed(tmp_path: Path, mynah: Mynah) -> None:
    renamed = of_2024(TWEETS) | {"data/account.js": archives.account("Jackdaw")}

    result = mynah("import", zipped(tmp_path / "a.zip", of_2024(TWEETS)), zipped(tmp_path / "b.zip", renamed))

    assert (
        "The library has 2 of these tweets by @magpie too: if the account was renamed, run `mynah forget @magpie`"
        in (result.stdout)
    )


UNREADABLE: dict[str, tuple[str, str | bytes, str]] = {
    "missing": ("none/a.zip", "", "does not exist"),
    "empty": ("a.zip", "", "damaged or half-downloaded zip"),
    "half": ("a.zip", b"PK\x03\x04half of it", "damaged or half-downloaded zip"),
    "no tweets": ("a.json", "[]", "holds no tweet of @magpie"),
    "half of a JSON": ("a.json", '[{"text": "a"}, {"te', "is not whole JSON"),
    "a picture": ("a.txt", b"\x89PNG\0\0\0", "is not text"),
    "private": ("a.js", "window.YTD.direct_messages.part0 = []", "does not begin like a file of public tweets"),
    "no column": ("a.csv", "name,phone\nrook,1\n", "has no column named"),
}


@pytest.mark.parametrize(("name", "content", "complaint"), UNREADABLE.values(), ids=UNREADABLE)
def test_one_unreadable_file_gives_one_sentence_and_nothing_is_imported(
    tmp_path: Path, mynah: Mynah, name: str, content: str | bytes, complaint: str
) -> None:
    good = write_file(tmp_path / "good.txt", TEXT)
    bad = tmp_path / name
    if bad.parent.exists():
        write_file(bad, content)

    result = mynah("import", good, bad, "--as", "magpie")

    assert result.returncode == 1
    assert result.stdout == ""
    (sentence,) = result.stderr.splitlines()
    assert str(bad) in sentence
    assert complaint in sentence
    assert mynah.library() == []


def test_a_file_without_an_author_needs_the_option(tmp_path: Path, mynah: Mynah) -> None:
    path = write_file(tmp_path / "a.txt", TEXT)

    without = mynah("import", path)
    invalid = mynah("import", path, "--as", "two words")

    assert (without.returncode, invalid.returncode) == (1, 1)
    assert "does not say whose tweets it holds: name the author with --as @handle" in without.stderr
    assert "'two words' is not a handle" in invalid.stderr


def test_another_running_import_means_busy() -> None:
    with pytest.raises(Busy, match="at work") as excinfo, training_errors():
        raise StateBusy("Another import is at work.")

    assert excinfo.value.exit_code == 75


def test_a_progress_bar_is_drawn_on_a_terminal(tmp_path: Path, mynah: Mynah) -> None:
    path = zipped(tmp_path / "a.zip", of_2024(TWEETS))
    master, slave = pty.openpty()

    result = subprocess.run(
        [MYNAH, "--state", mynah.state, "import", path], stderr=slave, stdout=subprocess.PIPE, check=True,
        env=environment(TERM="xterm"), timeout=60,
    )  # fmt: skip

    os.close(slave)
    assert b"reading a.zip" in os.read(master, 100_000)
    assert b"2 new" in result.stdout
    os.close(master)


# mynah library


def test_an_empty_library_says_how_to_import(mynah: Mynah) -> None:
    result = mynah("library")

    assert (result.returncode, result.stderr) == (0, "")
    assert (
        result.stdout == "the library is empty: import an X archive, CSV, JSON or text file with `mynah import FILE`\n"
    )
    assert mynah.library() == []
    assert not mynah.state.exists()


def test_the_library_shows_each_author_with_the_funnel(tmp_path: Path, mynah: Mynah) -> None:
    tweets = [
        *TWEETS,
        tweet(3, "RT @rook: caw"),
        tweet(4, "too short"),
        tweet(5, "@rook quite so, I agree", in_reply_to_user_id="7"),
    ]
    mynah.import_files(zipped(tmp_path / "a.zip", of_2024(tweets)))

    result = mynah("library", "--rules", "huggingtweets", "--show-dropped", "1")
    (as_json,) = mynah.library("--rules", "huggingtweets")

    output = result.stdout.splitlines()
    assert output[:3] == [
        "@Magpie (Ms Magpie): 5 tweets; 2023-02-18 to 2023-02-19",
        "  kinds      original 3, reply 1, retweet 1",
        "  languages  en 5",
    ]
    assert output[3].endswith(" a.zip (X archive): 5 found, 5 new, 0 updated")
    assert [line.split() for line in output[4:]] == [
        ["tweets", "to", "train", "on,", "by", "the", "rules", '"huggingtweets"'],
        ["5", "downloaded"],
        ["-1", "retweet"],
        ["RT", "@rook:", "caw"],
        ["-1", "short"],
        ["too", "short"],
        ["3", "kept"],
    ]
    assert as_json["funnel"] == {"author": "magpie", "downloaded": 5, "dropped": {"retweet": 1, "short": 1}, "kept": 3}
    assert as_json["kinds"] == {"original": 3, "reply": 1, "retweet": 1}


def test_the_library_shows_what_was_counted_at_the_import(tmp_path: Path, mynah: Mynah) -> None:
    mynah.import_files(zipped(tmp_path / "a.zip", of_2024(TWEETS)))
    with Library.open(mynah.state / "library.db") as library:
        noted = json.loads(library.noted("magpie", "funnel mynah"))
        noted["funnel"]["kept"] += 40
        noted["funnel"]["downloaded"] += 40
        library.note("magpie", "funnel mynah", json.dumps(noted))

    (stored,) = mynah.library()
    (other_rules,) = mynah.library("--rules", "huggingtweets")
    mynah.import_files(write_file(tmp_path / "b.txt", "the ticket office has closed for good now\n"), "--as", "magpie")
    (anew,) = mynah.library()

    assert stored["funnel"]["kept"] == len(TWEETS) + 40
    assert other_rules["funnel"]["downloaded"] == len(TWEETS)
    assert anew["funnel"]["downloaded"] == len(TWEETS) + 1


def test_the_library_is_counted_anew_when_the_settings_have_changed(tmp_path: Path, mynah: Mynah) -> None:
    mynah.import_files(
        zipped(tmp_path / "a.zip", of_2024([*TWEETS, tweet(9, "the waffles are on me today, everyone")]))
    )
    (before,) = mynah.library()
    deny = write_file(tmp_path / "deny.txt", "waffles\n")
    config = write_file(tmp_path / "deny.toml", f'[screen]\ndeny_file = "{deny}"\n')

    (after,) = lines(mynah("--config", str(config), "library", "--json").stdout)

    assert before["funnel"]["dropped"]["unspeakable"] == 0
    assert after["funnel"]["dropped"]["unspeakable"] == 1


def test_a_model_is_not_trained_on_what_the_screen_refuses(tmp_path: Path, mynah: Mynah) -> None:
    mynah.import_files(write_file(tmp_path / "a.txt", f"{TEXT}\nwrite to me at magpie@example.org any time you like\n"),
             "--as", "magpie")  # fmt: skip

    (one,) = mynah.library("--show-dropped", "5")

    (text,) = one["examples"]["unspeakable"]
    assert text == {"text": "write to me at magpie@example.org any time you like", "note": "email"}


def test_control_characters_in_tweets_and_names_do_not_reach_the_terminal(tmp_path: Path, mynah: Mynah) -> None:
    files = of_2024([tweet(1, TEXT), tweet(2, "RT @rook: \x1b[2Jcaw\x9b1m")])
    files["data/account.js"] = archives.account(name="Ms \x1b[31m\nMagpie\u202e")

    result = mynah("import", zipped(tmp_path / "a.zip", files))
    library = mynah("library", "--show-dropped", "1")

    assert result.stdout.splitlines()[0].endswith("(X archive): tweets by @Magpie (Ms [31m Magpie)")
    assert "@Magpie (Ms [31m Magpie): 2 tweets;" in library.stdout
    assert "RT @rook: [2Jcaw 1m" in library.stdout


# mynah forget


def test_a_forgotten_person_is_removed_and_the_models_are_listed(tmp_path: Path, mynah: Mynah) -> None:
    version = mynah.state / "models" / "20261120T120000Z-0000"
    version.mkdir(parents=True)
    (version / "manifest.json").write_text(json.dumps(asdict(Manifest("2026-11-20", "tiny", ("stationmynah",)))))
    (mynah.state / "models" / "current").symlink_to(version.name)
    mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", "stationmynah")
    mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", "magpie")

    result = mynah("forget", "@StationMynah", "--yes")
    unused = mynah("forget", "@magpie", "--yes")

    assert result.stdout.splitlines()[-1].startswith("removed 1 tweet by @stationmynah; ")
    assert f"model {version.name} was trained on them and is in use: {version}" in result.stdout
    assert "a model cannot unlearn" in result.stdout
    assert f"no model in {mynah.state}/models was trained on them" in unused.stdout
    assert mynah.library() == []
    assert TEXT.encode() not in (mynah.state / "library.db").read_bytes()


def test_nothing_is_deleted_without_confirmation(tmp_path: Path, mynah: Mynah) -> None:
    mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", "magpie")

    result = mynah("forget", "magpie")

    assert result.returncode == 1
    assert "pass --yes to confirm" in result.stderr
    assert mynah.texts() == [TEXT]


@pytest.mark.parametrize("exists", [True, False])
def test_forgetting_an_unknown_person_gives_one_sentence(tmp_path: Path, mynah: Mynah, *, exists: bool) -> None:
    if exists:
        mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", "magpie")

    result = mynah("forget", "@rook", "--yes")

    assert result.returncode == 1
    assert ("@rook is not in the library (@magpie)" if exists else "There is no library at") in result.stderr


# What a model is trained on


def settings(mynah: Mynah, *authors: str, live: bool = False) -> Settings:
    return Settings(state=mynah.state, live=live, training={"authors": authors})


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ((), ["magpie", "rook"]),
        (("rook",), ["rook"]),
        (("@Rook", "magpie", "rook"), ["rook", "magpie"]),
        (("magpie", "stationmynah"), ["magpie", "stationmynah"]),
    ],
    ids=["everyone", "one", "in the order named", "and the sample account"],
)
def test_a_model_is_trained_on_the_named_authors_or_on_everyone(
    tmp_path: Path, mynah: Mynah, authors: tuple[str, ...], expected: list[str]
) -> None:
    for handle in ("magpie", "rook"):
        mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", handle)

    archives_ = commands.archives(settings(mynah, *authors))

    assert [archive.author for archive in archives_] == expected
    assert all(archive.tweets for archive in archives_)


def test_with_an_empty_library_a_dry_run_uses_the_sample_account(mynah: Mynah) -> None:
    (archive,) = commands.archives(settings(mynah))

    assert (archive.author, len(archive.tweets)) == ("stationmynah", 783)
    assert not mynah.state.exists()


def test_an_author_without_tweets_does_not_stop_a_training(tmp_path: Path, mynah: Mynah) -> None:
    mynah.import_files(write_file(tmp_path / "a.txt", TEXT), "--as", "magpie")
    with Library.open(mynah.state / "library.db") as library:
        library.add(Archive("rook", "Rook", ()), source="@rook", at=datetime(2026, 11, 21, tzinfo=UTC))

    (archive,) = commands.archives(settings(mynah))

    assert archive.author == "magpie"


def test_with_an_empty_library_a_live_bot_is_not_trained(mynah: Mynah) -> None:
    with pytest.raises(ConfigError, match=r"The library is empty, .*`mynah import` tweets first"):
        commands.archives(settings(mynah, live=True))


@pytest.mark.parametrize("live", [True, False])
def test_named_authors_without_tweets_give_one_sentence(mynah: Mynah, *, live: bool) -> None:
    with pytest.raises(
        ConfigError, match=r"training\.authors: the library has no tweets by @jay, @rook: `mynah import`"
    ):
        commands.archives(settings(mynah, "jay", "rook", live=live))
