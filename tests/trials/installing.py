"""The wheel as a newcomer installs it: each extra in an empty environment, by pip, pipx and uv: `make test-install`.

Each environment runs the command away from the repository and with an empty home. Prints what each takes on the disk,
without the compiled files that Python adds when it runs. Takes three to four minutes, most of them for torch.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.talker import make

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
TORCH = next(line for line in LOCK.read_text().splitlines() if line.startswith("torch=="))
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
FOREIGN = ("bot", "training")
SMALL = 400_000_000  # bytes that [speak] may take


class Failed(Exception):
    pass


class Skipped(Exception):
    """What a check needs cannot be had here."""


class Trial:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        caches = {"PIP_CACHE_DIR": Path.home() / ".cache/pip", "UV_CACHE_DIR": Path.home() / ".cache/uv"}
        kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "UV_", "SSL_", "XDG_CONF"))}
        self.environment = {name: str(path) for name, path in caches.items()} | kept
        self.environment |= {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PIP_CONSTRAINT": str(LOCK)}
        self.environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_COMPILE": "1", "UV_LINK_MODE": "copy"}
        self.state = folder / "state"
        self.wheel = self._built()

    def _built(self) -> Path:
        self.run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", self.folder / "dist", cwd=ROOT)
        (wheel,) = (self.folder / "dist").glob("*.whl")
        say(f"  {wheel.name}: {size(wheel)}")
        return wheel

    def run(self, *words: str | Path, code: int = 0, cwd: Path | None = None, **changes: str) -> str:
        process = subprocess.run(
            words, cwd=cwd or self.home, env=self.environment | changes, capture_output=True, text=True, check=False
        )
        if process.returncode != code:
            raise Failed(f"{shlex.join(map(str, words))}: exit {process.returncode}\n{process.stdout}{process.stderr}")
        return process.stdout + process.stderr

    def requirement(self, *extras: str) -> str:
        return f"mynah-bot[{','.join(extras)}] @ {self.wheel.as_uri()}"

    def venv(self, name: str) -> Path:
        self.run(sys.executable, "-m", "venv", self.folder / name)
        return self.folder / name

    def speaks(self, *mynah: str | Path) -> None:
        """The small model of the tests, drafting in a dry run, without the history of an earlier check."""
        for path in self.state.glob("history.db*"):
            path.unlink()
        output = self.run(*mynah, "--state", self.state, "run", "--once", "--dry-run")
        require('"outcome": "dry"' in output, output)

    def nothing_but_the_wheel(self) -> str:
        env = self.venv("none")
        for name in FOREIGN:  # what another distribution may have installed
            package = site(env) / name
            package.mkdir()
            (package / "__init__.py").write_text("FOREIGN = True\n")
        self.run(env / "bin/pip", "install", self.requirement())
        bare = size(env)
        mynah = env / "bin/mynah"
        for words in (["--help"], ["config", "--check"], ["history"], ["status", "--json"]):
            self.run(mynah, *words)
        self.run(env / "bin/python", "-m", "mynah_bot", "--version")
        self.run(env / "bin/mynah-bot", "--version")
        self.run(mynah, "screen", "A bell rang, and everyone looked at me.")
        self.run(env / "bin/python", "-c", "import bot, training; assert bot.FOREIGN and training.FOREIGN")
        for path in ("README.md", "docs/operating.md", "config.example.toml"):
            require((env / "share/doc/mynah-bot" / path).is_file(), path)
        verdict = self.run(mynah, "doctor", "--quick", code=1).splitlines()[-1]
        require(re.match("not ready: .*engine", verdict), verdict)
        return bare

    def the_command_that_it_names_is_enough(self) -> str:
        """In the environment of the check before."""
        env = self.folder / "none"
        mynah = env / "bin/mynah"
        words = ("--state", self.state, "run", "--once", "--dry-run")
        output = self.run(mynah, *words, code=1)
        match = re.fullmatch(r"mynah: \w+ is not installed: (.+)\n", output)
        require(match is not None, output)
        self.run(*shlex.split(match[1]))
        self.speaks(mynah)
        require(not (site(env) / "torch").exists(), "torch was installed to speak")
        require(disk(env) < SMALL, f"{size(env)} to speak")
        return f"{size(env)} by {match[1].replace(str(self.folder), '…')}"

    def train_with_the_cpu_build_of_torch(self) -> str:
        env = self.venv("train")
        pip = (env / "bin/pip", "install", "--retries", "1", "--timeout", "30")
        try:
            self.run(*pip, "--no-deps", "--index-url", CPU_INDEX, TORCH)
        except Failed as error:  # the usual index may have only the build for GPUs, of several gigabytes
            raise Skipped(f"no CPU build of torch at {CPU_INDEX}") from error
        self.run(*pip, self.requirement("train"))
        require(not list(site(env).glob("nvidia*")), "the CUDA build was installed")
        self.run(env / "bin/mynah", "--state", self.state, "sample", "-n", "1", MYNAH_VOICE__ENGINE="torch")
        self.run(env / "bin/python", "-m", "pip", "check")
        return size(env)

    def speak_from_the_lock_file_with_hashes(self) -> str:
        env = self.venv("locked")
        pip = (env / "bin/pip", "install")
        self.run(*pip, "--require-hashes", "-r", ROOT / "speak.lock", PIP_CONSTRAINT="")
        self.run(*pip, "--no-deps", "--no-index", self.wheel)
        self.run(env / "bin/pip", "check")
        self.speaks(env / "bin/mynah")
        names = set(re.findall(r"^([\w-]+) +\S+$", self.run(env / "bin/pip", "list"), re.MULTILINE))
        tools = {"pytest", "mypy", "ruff", "hypothesis", "hatchling", "torch"} & names
        require(not tools, f"{tools} in a production environment")
        return size(env)

    def uvx_from_the_wheel(self) -> str:
        uvx = (self.tool("uvx"), "--from", self.requirement("speak"))
        self.speaks(*uvx, "mynah")
        return "speaks, for one run"

    def pipx_from_the_wheel(self) -> str:
        self.run(self.tool("pipx"), "install", self.requirement("speak"), PIPX_HOME=str(self.home / "pipx"))
        self.speaks(self.home / ".local/bin/mynah")
        return size(self.home / "pipx/venvs/mynah-bot")

    def wandb_by_uv(self) -> str:
        return self._by_uv("wandb", "wandb")

    def gguf_and_speak_by_uv(self) -> str:
        return self._by_uv("gguf", "gguf", "speak")

    def _by_uv(self, module: str, *extras: str) -> str:
        uv, env = self.tool("uv"), self.folder / f"uv-{module}"
        self.run(uv, "venv", "--python", sys.executable, env)
        links = ["--find-links", self.environment["PIP_FIND_LINKS"]] if "PIP_FIND_LINKS" in self.environment else []
        words = [uv, "pip", "install", "--python", env, "--constraint", LOCK, *links, self.requirement(*extras)]
        if "nvidia" in self.run(*words, "--dry-run"):
            words.append("--torch-backend=cpu")
        self.run(*words, UV_LINK_MODE="hardlink")
        self.run(env / "bin/python", "-c", f"import {module}")
        self.run(env / "bin/mynah", "--version")
        return size(env)

    def tool(self, name: str) -> Path:
        """Uv or pipx, as packages from the same index."""
        tools = self.folder / "tools"
        if not (tools / "bin" / name).exists():
            self.venv("tools")
            try:
                self.run(tools / "bin/pip", "install", "uv", "pipx", PIP_CONSTRAINT="")
            except Failed as error:
                raise Skipped("uv and pipx cannot be installed from this index") from error
        return tools / "bin" / name


CHECKS = (
    Trial.nothing_but_the_wheel,
    Trial.the_command_that_it_names_is_enough,
    Trial.train_with_the_cpu_build_of_torch,
    Trial.speak_from_the_lock_file_with_hashes,
    Trial.uvx_from_the_wheel,
    Trial.pipx_from_the_wheel,
    Trial.wandb_by_uv,
    Trial.gguf_and_speak_by_uv,
)


def site(env: Path) -> Path:
    (found,) = (env / "lib").glob("python3*/site-packages")
    return found


def disk(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if not each.is_symlink()]
    return sum(each.stat().st_size for each in files if each.is_file())


def size(path: Path) -> str:
    return f"{disk(path) / 1e6:,.1f} MB"


def require(fact: object, otherwise: str) -> None:
    if not fact:
        raise Failed(otherwise)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> int:
    failed = 0
    folder = Path(tempfile.mkdtemp(prefix="mynah-install-"))
    try:
        trial = Trial(folder)
        make(trial.state)
        for check in CHECKS:
            name = check.__name__
            if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
                continue
            began = time.monotonic()
            try:
                detail = check(trial)
            except Skipped as reason:
                say(f"skip  {name.replace('_', ' ')}: {reason}")
            except Failed as error:
                failed += 1
                say(f"FAIL  {name.replace('_', ' ')}: {error}")
            else:
                say(f"ok    {name.replace('_', ' ')}: {detail} [{time.monotonic() - began:.0f} s]")
    finally:
        shutil.rmtree(folder)
    say(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
