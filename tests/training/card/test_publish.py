"""From a model folder to a repository, through the real huggingface_hub and a real small hub."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_hub.server import DROP, FakeHub, Repo
from training.card import card, publish
from training.errors import PublishError, TrainingError
from training.models import model_dir, registry
from training.profile import memory
from training.recipe import TINY, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# huggingface_hub's own way of handing a file to its HTTP library
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "someone/bird"
AGREED = "It is me."
PICTURE = b"\x89PNG and so on"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sayings: tuple[str, ...]) -> Path:
    """A complete version with its card, its pictures, and the files that must not be uploaded."""
    from training.models import base_model

    shape = Shape(vocabulary=300, context=64, layers=1, width=16, heads=2)
    model, tokenizer = base_model.load_base("scratch", texts=sayings, shape=shape, seed=0)
    version = tmp_path_factory.mktemp("models") / "20261120T120000Z-0000"
    author = card.Author(handle="stationmynah", name="Mynah", downloaded=6, dropped={}, kept=6)
    facts = card.CardFacts(
        authors=[author], base_model="/home/alice/models/secret", recipe=TINY, pictures=[card.PREDICTIONS]
    )
    about = model_dir.Manifest(
        created="2026-11-20T12:00:00+00:00", base_model="/home/alice/models/secret", authors=("stationmynah",)
    )
    files = {
        card.FILE: card.card(facts).encode(),
        card.PREDICTIONS: PICTURE,
        "avatar-stationmynah.png": PICTURE,
        memory.FILE: memory.memorise(sayings),
        "metrics.jsonl": b'{"kind": "step"}\n',
        "report.json": json.dumps({"samples": sayings}).encode(),
        "checkpoint.pt": b"weights",
    }
    model_dir.save(version, model, tokenizer, about=about, files=files)
    (version / "left lying about.txt").write_text(sayings[0])
    return version


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", FakeHub.token)
    with FakeHub() as running:
        yield running
    assert running.broken == []


def upload(folder: Path, hub: FakeHub, *, private: bool = True, consent: str = "") -> str:
    return publish.send(publish.parcel(folder, REPO, private=private, consent=consent), endpoint=hub.url)


def test_a_model_is_uploaded_privately_in_one_commit(folder: Path, hub: FakeHub) -> None:
    address = upload(folder, hub)

    assert address.startswith(f"{hub.url}/{REPO}/commit/")
    assert hub.repos[REPO].private
    assert hub.repos[REPO].commits == ["Mynah's model of @stationmynah"]


def test_the_listed_files_are_the_ones_that_arrive(folder: Path, hub: FakeHub) -> None:
    parcel = publish.parcel(folder, REPO, private=True)

    publish.send(parcel, endpoint=hub.url)

    assert {name: len(content) for name, content in hub.repos[REPO].files.items()} == parcel.files
    assert hub.repos[REPO].files["model.safetensors"] == (folder / "model.safetensors").read_bytes()


def test_no_tweet_no_hash_of_one_and_no_local_path_is_uploaded(
    folder: Path, hub: FakeHub, sayings: tuple[str, ...]
) -> None:
    upload(folder, hub)

    arrived = hub.repos[REPO].files
    assert set(arrived) <= publish.NAMES | {"avatar-stationmynah.png"}
    assert not {memory.FILE, "metrics.jsonl", "report.json", "checkpoint.pt", "left lying about.txt"} & set(arrived)
    for content in arrived.values():
        for secret in (*sayings, "/home/alice", str(folder.parent)):
            assert secret.encode() not in content


def test_the_downloaded_folder_is_a_whole_model_that_generates(folder: Path, hub: FakeHub, tmp_path: Path) -> None:
    from transformers import pipeline

    upload(folder, hub)
    for name, content in hub.repos[REPO].files.items():
        (tmp_path / name).write_bytes(content)

    manifest = model_dir.check(tmp_path)
    generator = pipeline("text-generation", model=str(tmp_path))
    outputs = generator("My dream is", max_new_tokens=4)

    assert manifest.base_model == "secret"
    assert outputs[0]["generated_text"].startswith("My dream is")
    assert generator("", max_new_tokens=4)


def test_the_card_names_the_repository(folder: Path, hub: FakeHub) -> None:
    upload(folder, hub)

    text = hub.repos[REPO].files[card.FILE].decode()
    assert f'model = "{REPO}"' in text
    assert f'thumbnail: "https://huggingface.co/{REPO}/resolve/main/predictions.png"' in text


def test_a_public_card_must_state_how_the_person_agreed(folder: Path, hub: FakeHub) -> None:
    with pytest.raises(PublishError, match="--consent"):
        upload(folder, hub, private=False)
    assert hub.requests == []

    upload(folder, hub, private=False, consent=AGREED)

    assert not hub.repos[REPO].private
    assert "“It is me.”" in hub.repos[REPO].files[card.FILE].decode()


@pytest.mark.parametrize(("is_private", "to_private"), [(False, True), (True, False)], ids=["public", "private"])
def test_a_repository_of_the_other_visibility_is_left_alone(
    folder: Path, hub: FakeHub, is_private: bool, to_private: bool
) -> None:
    hub.repos[REPO] = Repo(private=is_private)

    with pytest.raises(PublishError, match="exists already and is"):
        upload(folder, hub, private=to_private, consent=AGREED)

    assert hub.repos[REPO].files == {}


def test_a_newer_model_replaces_the_older(folder: Path, hub: FakeHub) -> None:
    hub.repos[REPO] = Repo(private=True, files={"model.safetensors": b"old", "mine.txt": b"kept"})

    upload(folder, hub)

    assert hub.repos[REPO].files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert hub.repos[REPO].files["mine.txt"] == b"kept"


def test_publishing_the_same_model_again_changes_nothing(folder: Path, hub: FakeHub) -> None:
    upload(folder, hub)
    upload(folder, hub)

    assert len(hub.repos[REPO].commits) == 1


# What may go wrong: one sentence, nothing half-done to be seen, and the token nowhere

WRONG = [
    pytest.param("/api/whoami", 401, "does not know the token", id="token"),
    pytest.param("/api/whoami", DROP, "cannot be reached", id="no answer at all"),
    pytest.param("/api/repos/create", 403, "may not write", id="no right to create"),
    pytest.param("/api/repos/create", 500, "status 500", id="creating fails"),
    pytest.param("/api/repos/create", DROP, "cannot be reached", id="creating is cut off"),
    pytest.param("/api/models/", 404, "may not write", id="not there"),
    pytest.param("/preupload/", 403, "may not write", id="no right to upload"),
    pytest.param("/objects/batch", 401, "does not know the token", id="token expires"),
    pytest.param("/lfs/", 403, "may not write", id="the storage refuses"),
    pytest.param("/lfs/", 507, "status 507", id="the storage is full"),
    pytest.param("/commit/", 400, "malformed", id="commit malformed"),
    pytest.param("/commit/", 409, "Somebody else", id="commit collides"),
    pytest.param("/commit/", 500, "status 500", id="commit fails"),
    pytest.param("/commit/", DROP, "cannot be reached", id="commit is cut off"),
]


@pytest.mark.parametrize(("part", "status", "words"), WRONG)
def test_a_failure_is_one_error_message_and_the_next_try_succeeds(
    folder: Path, hub: FakeHub, part: str, status: int, words: str
) -> None:
    hub.fail_once(part, status)

    with pytest.raises(PublishError, match=words) as caught:
        upload(folder, hub)

    message = str(caught.value)
    assert "\n" not in message
    assert FakeHub.token not in message
    assert "signature" not in message
    assert not hub.repos.get(REPO, Repo(private=True)).files
    upload(folder, hub)
    assert hub.repos[REPO].files["model.safetensors"]


def test_a_file_that_has_arrived_is_not_sent_again(folder: Path, hub: FakeHub) -> None:
    hub.fail_once("/commit/", 500)
    with pytest.raises(PublishError):
        upload(folder, hub)
    before = sum(request.method == "PUT" for request in hub.requests)

    upload(folder, hub)

    assert sum(request.method == "PUT" for request in hub.requests) == before > 0


def test_a_read_only_token_is_reported(folder: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", FakeHub.reader)

    with pytest.raises(PublishError, match="may not write"):
        upload(folder, hub)


def test_another_users_repository_is_refused(folder: Path, hub: FakeHub) -> None:
    with pytest.raises(PublishError, match="may not write to nobody/bird"):
        publish.send(publish.parcel(folder, "nobody/bird", private=True), endpoint=hub.url)


def test_without_a_token_no_request_is_made(
    folder: Path, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))

    with pytest.raises(PublishError, match="no token for the hub"):
        upload(folder, hub)

    assert hub.requests == []


def test_without_a_network_the_sentence_names_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", FakeHub.token)

    with pytest.raises(PublishError, match=r"127\.0\.0\.1:9 cannot be reached"):
        publish.send(publish.parcel(folder, REPO, private=True), endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize(
    "name", ["", "bird", "a/b/c", "/bird", "a/", "a b/c", "a/..", "a/b--c", "a/b.git", "é/b", "a/\n"]
)
def test_a_malformed_name_is_reported_before_anything_else(folder: Path, name: str) -> None:
    with pytest.raises(PublishError, match="not a repository name"):
        publish.parcel(folder, name, private=True)


def test_a_damaged_folder_is_not_uploaded(folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"")

    with pytest.raises(TrainingError, match=r"model\.safetensors"):
        publish.parcel(broken, REPO, private=True)


def test_a_model_without_its_card_is_not_uploaded(model_folder: Path) -> None:
    with pytest.raises(PublishError, match=r"no README\.md"):
        publish.parcel(model_folder, REPO, private=True)


# The command


@pytest.fixture(scope="module")
def state(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("state")
    version = shutil.copytree(folder, root / "models" / folder.name)
    registry.promote(version)
    return root


def mynah(*words: str, state: Path, hub: FakeHub, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MYNAH_", "HF_"))}
    variables: dict[str, Any] = {"HF_TOKEN": hub.token, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-m", "bot", "--state", str(state), "publish", *words],
        env=inherited | variables | {"HF_HOME": str(state / "hf"), "MYNAH_CONFIG": "/dev/null"},
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_lists_the_files_and_uploads_them(state: Path, hub: FakeHub) -> None:
    process = mynah(REPO, "--yes", state=state, hub=hub)

    assert process.returncode == 0, process.stderr
    assert "private" in process.stdout
    assert "@stationmynah" in process.stdout
    assert "model.safetensors" in process.stdout
    assert process.stdout.splitlines()[-1].startswith(f"{hub.url}/{REPO}/commit/")
    assert hub.token not in process.stdout + process.stderr
    assert process.stderr == ""
    assert hub.repos[REPO].private


def test_without_a_terminal_nothing_is_uploaded(state: Path, hub: FakeHub) -> None:
    process = mynah(REPO, state=state, hub=hub)

    assert process.returncode == 1
    assert "--yes" in process.stderr
    assert "model.safetensors" in process.stdout
    assert hub.requests == []


@pytest.mark.parametrize(
    ("answer", "commits"),
    [(b"Yes\n", 1), (b"\n", 0), (b"\x04", 0)],
    ids=["yes", "nothing", "end"],
)
def test_on_a_terminal_it_asks_first(state: Path, hub: FakeHub, answer: bytes, commits: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer)

    process = mynah(REPO, state=state, hub=hub, stdin=theirs)

    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, process.stderr
    assert "[y/N]" in process.stdout
    assert sum(len(repo.commits) for repo in hub.repos.values()) == commits
    assert ("nothing was uploaded" in process.stdout) == (not commits)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([REPO, "--yes", "--public"], "--consent", id="public without consent"),
        pytest.param([REPO, "--yes", "--version", "../x"], "../x", id="version"),
        pytest.param(["bird", "--yes"], "not a repository name", id="name"),
    ],
)
def test_the_command_reports_an_error_in_one_sentence(
    state: Path, hub: FakeHub, words: list[str], message: str
) -> None:
    process = mynah(*words, state=state, hub=hub)

    assert process.returncode == 1
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert hub.requests == []
