"""The format of a model folder: `save`, `load`, and `check`, which needs no torch.

A folder is written under a temporary name, manifest last, and then renamed: a folder with a final name is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import ModelError, OutOfRoom, first_line, is_full
from training.models import adapter
from training.models.disk import sync

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import torch

FORMAT = 1
MANIFEST = "manifest.json"
METRICS = "metrics.jsonl"
WEIGHTS = "model.safetensors"
NEEDED = ("config.json", "tokenizer.json")
HALF_MADE = ".tmp"

MAX_NEW_TOKENS = 96  # 280 characters are about 70 tokens of English, and more in scripts with few tokens of their own
GENERATION: Mapping[str, Any] = {  # as the reference, without its hidden top_k of 50 and its min_length
    "do_sample": True,
    "temperature": 1.0,
    "top_p": 0.95,
    "top_k": 0,
    "max_new_tokens": MAX_NEW_TOKENS,
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the model is; `files` maps each file's name to its sha256 and its size in bytes."""

    created: str  # ISO 8601, UTC
    base_model: str
    authors: tuple[str, ...] = ()
    funnel: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # per author: downloaded, short, kept …
    figures: Mapping[str, float] = field(default_factory=dict)  # held-out bits per character and the like
    tags: Mapping[str, str] = field(default_factory=dict)  # per author: the prefix of each text, if there are several
    base_digest: str = ""  # of the base's weights, where the model was made by LoRA
    languages: tuple[str, ...] = ()  # of the tweets, the commonest first; empty where they are not known
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Loaded:
    model: Any  # a transformers causal model, in eval mode
    tokenizer: Any  # a transformers tokenizer with a Rust backend
    manifest: Manifest


def save(
    folder: Path,
    model: Any,
    tokenizer: Any,
    *,
    about: Manifest,
    files: Mapping[str, bytes],
    dtype: torch.dtype | None = None,
    weights: bool = True,
) -> None:
    """Write a whole model folder or none: weights, tokenizer, `files`, and the manifest with their hashes.

    `dtype`: of the weights; the model's own by default. Without `weights` the folder needs an adapter and its base.
    """
    half_made = folder.with_name(folder.name + HALF_MADE)
    require_disk_space(folder.parent, model, besides=sum(map(len, files.values())))
    try:
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(parents=True)
        _write_model(half_made, model, tokenizer, dtype or model.dtype, weights=weights)
        for name, content in files.items():
            (half_made / name).write_bytes(content)
        _write_manifest(half_made, about)
        for path in (*half_made.iterdir(), half_made):
            sync(path)
        half_made.rename(folder)
        sync(folder.parent)
    except Exception as error:
        shutil.rmtree(half_made, ignore_errors=True)
        if is_full(error):
            raise OutOfRoom(f"The disk of {folder.parent} is full: make room and train again.") from error
        # safetensors, tokenizers and the system each raise errors of their own for a file that cannot be written
        raise ModelError(f"The model folder {folder} cannot be written: {error}.") from error


def load(folder: Path, *, device: str = "auto", dtype: torch.dtype | None = None) -> Loaded:
    """Check, then load: without network, without pickle, and without running code from the folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    manifest = check(folder)
    target = pick_device(device)
    silence_transformers()
    if WEIGHTS not in manifest.files:
        raise ModelError(f"{folder} holds an adapter and no whole model: load it with its base.")
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype or torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model, info = loaded
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever transformers raises for a file from outside
        raise ModelError(f"The model folder {folder} does not load ({first_line(error)}): train it again.") from error
    if info["missing_keys"]:
        name = min(info["missing_keys"])
        raise ModelError(f"The model folder {folder} lacks weights, {name} among them: train it again.")
    broken = [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]
    if broken:
        raise ModelError(f"The weights {broken[0]} in {folder} are not all finite numbers: train it again.")
    if max(tokenizer.get_vocab().values(), default=0) >= model.get_input_embeddings().weight.shape[0]:
        raise ModelError(f"The tokenizer in {folder} belongs to another model (it has more tokens): train it again.")
    return Loaded(model.to(target).eval(), tokenizer, manifest)


def check(folder: Path, *, needs: Collection[str] = (), unread: Collection[str] = ()) -> Manifest:
    """The manifest of a folder, if every file matches it; a ModelError otherwise.

    It must list the files in `needs` too; of those in `unread`, only the size is checked.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no model folder at {folder}: `mynah retrain` makes one.")
    manifest = read_manifest(folder)
    weights = adapter.FILE if adapter.FILE in manifest.files else WEIGHTS
    for name in (*NEEDED, weights, *needs):
        if name not in manifest.files:
            raise ModelError(f"{folder / MANIFEST} does not list {name}: train the model again.")
    for name, (digest, size) in manifest.files.items():
        _check_file(folder / name, size, None if name in unread else digest)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest, without checking the files."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {MANIFEST}, so it is not a whole model: train it again.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}): train the model again.") from error
    try:
        if content["format"] != FORMAT:
            raise ModelError(
                f"{path} has format {content['format']}, this program reads {FORMAT}: use the newer program."
            )
        return _manifest(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} lacks a field or has a wrong one ({error}): train the model again.") from error


def require_disk_space(parent: Path, model: Any, *, besides: int = 0) -> None:
    """Raise OutOfRoom if the model does not fit into `parent`; called before training and again before saving.

    `besides`: further bytes that must fit.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=parent):
            free = shutil.disk_usage(parent).free
    except OSError as error:
        raise ModelError(f"{parent} cannot be written: {error.strerror}; choose another folder.") from error
    needed = size_of(model) + besides
    if free < needed:
        raise OutOfRoom(f"The model needs {needed >> 20} MB in {parent}, and {free >> 20} MB are free: make room.")


def size_of(model: Any) -> int:
    """The size in bytes of the model's folder, rounded up."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters()) + 16 * 2**20


def pick_device(name: str) -> torch.device:
    """`auto` is the first of cuda, mps, cpu that is available."""
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, is_here in available.items() if is_here))
    if not available.get(name.partition(":")[0]):
        raise ModelError(f'This machine has no device "{name}": set device to "auto" or "cpu".')
    return torch.device(name)


def silence_transformers() -> None:
    """No progress bars and warnings from transformers on the console."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _write_model(folder: Path, model: Any, tokenizer: Any, dtype: torch.dtype, *, weights: bool) -> None:
    from transformers import GenerationConfig

    silence_transformers()
    end = tokenizer.eos_token_id
    start = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    model.generation_config = GenerationConfig(bos_token_id=start, eos_token_id=end, pad_token_id=end, **GENERATION)
    own = model.dtype
    try:
        model.to(dtype).save_pretrained(folder, max_shard_size="100GB")  # one file, whatever the size
    finally:
        model.to(own)
    tokenizer.save_pretrained(folder)
    if weights:
        # safetensors makes its file private; like the other files, it should follow the umask
        (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)
    else:
        (folder / WEIGHTS).unlink()


def _write_manifest(folder: Path, about: Manifest) -> None:
    files = {path.name: (_digest(path), path.stat().st_size) for path in sorted(folder.iterdir())}
    content = asdict(about) | {"files": files, "format": FORMAT}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _manifest(content: Any) -> Manifest:
    files = {str(name): (str(digest), int(size)) for name, (digest, size) in content["files"].items()}
    unsafe = [name for name in files if name != Path(name).name]
    if unsafe:
        raise ValueError(f"{unsafe[0]} is not a plain file name")
    return Manifest(
        created=str(content["created"]),
        base_model=str(content["base_model"]),
        authors=tuple(map(str, content["authors"])),
        funnel={str(author): _integers(counts) for author, counts in content["funnel"].items()},
        figures={str(name): float(number) for name, number in content["figures"].items()},
        tags={str(author): str(tag) for author, tag in content.get("tags", {}).items()},  # older folders have none
        base_digest=str(content.get("base_digest", "")),
        languages=tuple(map(str, content.get("languages", ()))),
        files=files,
    )


def _integers(counts: Any) -> dict[str, int]:
    return {str(name): int(count) for name, count in counts.items()}


def _check_file(path: Path, size: int, digest: str | None) -> None:
    try:
        actual = path.stat().st_size
        if actual != size:
            raise ModelError(f"{path} has {actual} bytes where its manifest says {size}: train the model again.")
        if digest is not None and _digest(path) != digest:
            raise ModelError(f"{path} is not what was written (its sha256 differs): train the model again.")
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}): train the model again.") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
