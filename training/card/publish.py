"""Uploads a model folder to a repository on the Hugging Face hub, or on a compatible server.

`parcel` collects what would be uploaded, and `send` uploads it. Neither asks or prints.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from training.card import card
from training.card.markup import PICTURE
from training.errors import PublishError
from training.models.base_model import public_name
from training.models.model_dir import MANIFEST, Manifest, check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Only the files named here are uploaded. Not memory.bin, whose hashes would let anybody test which tweets there were,
# deleted ones included (so a bot cannot run from a downloaded folder: it could not check for copies); not metrics.jsonl
# and report.json, which are private and may quote tweets; not checkpoints or any other file.
NAMES = frozenset(
    {
        *("config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
        *("vocab.json", "merges.txt", "NOTICE", "LICENSE"),
        *(card.FILE, card.PREDICTIONS, card.LOSS, card.LENGTHS, MANIFEST),
    }
)
AVATAR = "avatar-"  # the prefix of avatar files
PATIENCE_S = 30.0  # for the request that finds the repository
AGAIN = "what has arrived is kept, and the same command continues from there"


@dataclass(frozen=True, slots=True)
class Upload:
    """What is uploaded and where; `changed` are the files whose content differs on the hub."""

    folder: Path
    repo: str
    private: bool
    manifest: Manifest  # as uploaded
    files: Mapping[str, int]  # name -> bytes
    changed: Mapping[str, bytes]


def parcel(folder: Path, repo: str, *, private: bool, consent: str = "") -> Upload:
    """Checks all that can be checked without the network."""
    _check_name(repo)
    manifest = check(folder)
    names = [name for name in manifest.files if name in NAMES or (name.startswith(AVATAR) and PICTURE.fullmatch(name))]
    if card.FILE not in names:
        raise PublishError(f"{folder} has no {card.FILE}, and a model is published only with its card: train it again.")
    text = (folder / card.FILE).read_text(encoding="utf-8")
    hub_card = card.for_hub(text, repo, consent=consent)
    if not private and not card.has_consent(hub_card):
        raise PublishError(
            "To be public, the card must say how you know that the people in it agree: "
            'give --consent "…" in your own words, or leave out --public.'
        )
    return _parcel(folder, repo, manifest, names, hub_card, private=private)


def _parcel(folder: Path, repo: str, manifest: Manifest, names: list[str], hub_card: str, *, private: bool) -> Upload:
    changed = {card.FILE: hub_card.encode()}
    files = {name: manifest.files[name] for name in names if name != MANIFEST}
    files[card.FILE] = (_digest(changed[card.FILE]), len(changed[card.FILE]))
    uploaded = replace(manifest, base_model=public_name(manifest.base_model), files=dict(sorted(files.items())))
    changed[MANIFEST] = (json.dumps(asdict(uploaded), indent=2, ensure_ascii=False) + "\n").encode()
    sizes = {name: size for name, (_, size) in uploaded.files.items()} | {MANIFEST: len(changed[MANIFEST])}
    return Upload(folder, repo, private, uploaded, dict(sorted(sizes.items())), changed)


def stored_token() -> str | None:
    """The token of `hf auth login` or HF_TOKEN; root's own is out of reach once root has become another user."""
    from huggingface_hub import get_token

    return get_token()


def send(upload: Upload, *, endpoint: str | None = None, progress: bool = False, token: str | None = None) -> str:
    """Creates the repository if need be, uploads in one commit, and returns the address of the commit."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import LocalTokenNotFoundError
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # public, unmarked
    from huggingface_hub.utils import logging as hub_logging

    # its warnings quote addresses with write access; what matters in them is raised as an error too
    hub_logging.set_verbosity(logging.CRITICAL)
    if not progress:
        disable_progress_bars()
    api = HfApi(endpoint=endpoint, token=token, library_name="mynah")
    try:
        api.whoami()  # a missing or wrong token fails here, with a clear error
        _need_repo(api, upload.repo, private=upload.private)
        operations = [
            CommitOperationAdd(name, upload.changed.get(name) or str(upload.folder / name)) for name in upload.files
        ]
        done = api.create_commit(upload.repo, operations, commit_message=f"Mynah's model of {_whose(upload.manifest)}")
    except LocalTokenNotFoundError as error:
        raise PublishError(
            "There is no token for the hub: set HF_TOKEN to one that may write, or log in with `hf auth login`."
        ) from error
    except PublishError:
        raise
    except Exception as error:  # noqa: BLE001  each version of the library has another HTTP library's errors
        _explain(error, api, upload.repo)
    return str(done.commit_url)


def _need_repo(api: Any, repo: str, *, private: bool) -> None:
    """An existing repository keeps its visibility, whatever create_repo is told, so it is checked before the upload."""
    api.create_repo(repo, private=private, exist_ok=True)
    is_private = bool(api.model_info(repo, timeout=PATIENCE_S).private)
    if is_private != private:
        there, way = ("private", "leave out --public") if is_private else ("public", "say --public")
        raise PublishError(f"{repo} exists already and is {there}: {way}, change it in its settings, or use another.")


def _explain(error: Exception, api: Any, repo: str) -> NoReturn:
    """One sentence for whatever the library raised; its own message may hold addresses with secrets in them."""
    status = _status(error)
    if status == 401:
        raise PublishError("The hub does not know the token: set HF_TOKEN to a valid one that may write.") from error
    if status in {403, 404}:
        raise PublishError(
            f"The token may not write to {repo}{_reason(error)}: give it that permission, or use a name of your own."
        ) from error
    if status == 409:
        raise PublishError(f"Somebody else is changing {repo} right now: try again; {AGAIN}.") from error
    if status == 400:
        raise PublishError(f"The hub says that {repo} or its card is malformed{_reason(error)}.") from error
    if status is not None:
        raise PublishError(f"The hub failed (status {status}) while {repo} went up: try later; {AGAIN}.") from error
    if isinstance(error, ValueError):
        raise PublishError(f"The hub does not take the card of {repo} ({_one_line(str(error))}).") from error
    kind = type(_first(error)).__name__
    raise PublishError(
        f"The hub at {api.endpoint} cannot be reached or understood ({kind}): check the network and try again; {AGAIN}."
    ) from error


def _status(error: BaseException | None) -> int | None:
    """The HTTP status behind an error, which the library may have wrapped."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__
    return None


def _first(error: BaseException) -> BaseException:
    """The first exception of the chain."""
    return _first(error.__cause__) if error.__cause__ else error


def _reason(error: BaseException | None) -> str:
    """The hub's own message, if it sent one."""
    message = getattr(error, "server_message", None)
    return f" ({_one_line(message)})" if message else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200].rstrip(".")


def _check_name(repo: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, unmarked

    sentence = f'"{repo}" is not a repository name: give one like you/my-bird, of letters, digits, ".", "_" and "-".'
    if repo.count("/") != 1:  # the library would guess the owner
        raise PublishError(sentence)
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise PublishError(sentence) from error


def _whose(manifest: Manifest) -> str:
    return ", ".join(f"@{author}" for author in sorted(manifest.authors)) or "nobody"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
