"""What is missing in this installation, and the one command that adds it: to a venv, or as pipx or uv installed it.

Knows how mynah was installed, from the metadata that installers leave; does not know what an extra is for.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

NAME = "mynah-bot"
# Which extra installs a module. Not every machine needs all of them.
EXTRAS = {
    **dict.fromkeys(("onnxruntime", "numpy", "tokenizers", "apscheduler", "prometheus_client", "tzdata"), "speak"),
    **dict.fromkeys(("tweepy", "requests", "requests_oauthlib"), "speak"),
    **dict.fromkeys(("torch", "transformers", "safetensors", "PIL", "fontTools", "regex", "huggingface_hub"), "train"),
    "gguf": "gguf",
    "wandb": "wandb",
    **dict.fromkeys(("starlette", "uvicorn", "jinja2", "markupsafe", "python_multipart", "markdown_it"), "web"),
    "apprise": "notify",
}
CHOICES = ("speak", "train", "gguf", "wandb", "web", "notify")  # the extras that have a name of their own
CPU_TORCH = "https://download.pytorch.org/whl/cpu"  # the index of torch's CPU builds


def how_to_install(module: str) -> str | None:
    """The command that installs a missing module; None if it belongs to no extra, which is a bug."""
    extra = EXTRAS.get(module.partition(".")[0])
    return command(extra) if extra else None


def is_installed(module: str) -> bool:
    return find_spec(module) is not None


def command(extra: str, prefix: Path | None = None) -> str:
    """The command that adds an extra to this environment, with a remark on torch's size where it would bring torch."""
    prefix = prefix or Path(sys.prefix)
    brings_torch = extra not in {"speak", "web", "notify"} and find_spec("torch") is None
    backend = "--torch-backend=auto " if brings_torch else ""  # uv's: the CPU build where there is no GPU
    everything = shlex.quote(_from_origin([*_present_extras(), extra]) or _from_index([*_present_extras(), extra]))
    if (prefix / "uv-receipt.toml").exists():
        return f"uv tool install --force {backend}{everything}"
    if any(part.startswith(("archive-v", "environments-v")) for part in prefix.parts):  # in uv's cache, for one run
        return f"uvx {backend}--from {everything} mynah"
    wanted = _from_origin([extra])
    text = pip_install(*([wanted] if wanted else _packages(extra)), prefix=prefix)
    if brings_torch and sys.platform == "linux":
        first = f"{pip_install('torch', prefix=prefix)} --index-url {CPU_TORCH}"
        text += f" (several GB, because of torch for GPUs; without a GPU, first run `{first}`: it is under 1 GB then)"
    return text


def pip_install(*packages: str, prefix: Path | None = None) -> str:
    """The command that installs packages into this environment."""
    prefix = prefix or Path(sys.prefix)
    words = " ".join(shlex.quote(package) for package in packages)
    if (prefix / "pipx_metadata.json").exists():
        return f"pipx runpip {NAME} install {words}"
    pip = prefix / "bin" / "pip"
    if pip.exists():
        return f"{shlex.quote(str(pip))} install {words}"
    if find_spec("pip") is None:  # uv makes environments without it
        return f"uv pip install --python {shlex.quote(str(prefix))} {words}"
    return f"{shlex.quote(sys.executable)} -m pip install {words}"


def _from_origin(extras: list[str]) -> str | None:
    """This distribution with extras, from where it was installed; None if it came from a file that is gone."""
    try:
        text = distribution(NAME).read_text("direct_url.json")
        origin = json.loads(text) if text else {}
    except (PackageNotFoundError, ValueError):
        return None
    url = str(origin.get("url", ""))
    if vcs := origin.get("vcs_info"):
        return f"{_from_index(extras)} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    if not url.startswith("file:"):
        return f"{_from_index(extras)} @ {url}" if url else _from_index(extras)
    path = Path(url2pathname(urlsplit(url).path))
    if path.is_dir():
        return f"{path}{_from_index(extras).removeprefix(NAME)}"
    return f"{_from_index(extras)} @ {url}" if path.exists() else None


def _from_index(extras: list[str]) -> str:
    return f"{NAME}[{','.join(name for name in CHOICES if name in extras)}]"


def _present_extras() -> list[str]:
    """The extras whose packages are all installed."""
    return [extra for extra in CHOICES if (packages := _packages(extra)) and all(map(_is_installed, packages))]


def _packages(extra: str) -> list[str]:
    """The requirements of an extra, without markers."""
    try:
        lines = distribution(NAME).requires or []
    except PackageNotFoundError:
        return []
    return [line.split(";")[0].strip() for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]


def _is_installed(requirement: str) -> bool:
    name = re.match(r"[\w.-]+", requirement)
    try:
        distribution(name[0] if name else "")
    except (PackageNotFoundError, ValueError):
        return False
    return True
