"""The image of Containerfile: built, and run as its user on a read-only root: `make test-container`.

Needs root, buildah and debootstrap: the base is a minimal Debian that is made here, so no registry is asked. podman
runs the image if it can; where it may not, as inside another container, a chroot with the same mounts and user does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.talker import make
from tests.trials import debian

ROOT = Path(__file__).parents[2]
IMAGE, BASE = "localhost/mynah-trial", "localhost/mynah-trial-base"
CACHE = Path.home() / ".cache" / "mynah" / "container"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
JAIL = """
set -e
mount --bind "$ROOT" "$ROOT"
mount -o remount,bind,ro "$ROOT"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount --bind "$STATE" "$ROOT/state"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
cd /
exec chroot "$ROOT" setpriv --reuid="$ID" --regid="$ID" --clear-groups --no-new-privs --bounding-set=-all \
    env -i {environment} "$@"
"""


class Container:
    """An image with a folder as its state; a call runs a command in it."""

    def __init__(self, image: str, state: Path) -> None:
        self.state = state
        self.config = json.loads(debian.run(["buildah", "inspect", "--type", "image", image]))["OCIv1"]["config"]
        self._image = image
        self._working = debian.run(["buildah", "from", image]).strip()
        self._root = debian.run(["buildah", "mount", self._working]).strip()
        self.by_podman = bool(shutil.which("podman")) and self("true").returncode == 0

    def words(self, *command: str) -> list[str]:
        if getattr(self, "by_podman", True):
            jail = ["podman", "run", "--rm", "--read-only", "--cap-drop=all", "--network=none", *LIMITS]
            return [*jail, f"--volume={self.state}:/state", f"--entrypoint={command[0]}", self._image, *command[1:]]
        script = JAIL.format(environment=" ".join(self.config["Env"]))
        return ["unshare", "--mount", "--propagation=private", "--", "sh", "-c", script, "sh", *command]

    def environment(self) -> dict[str, str]:
        own = {"ROOT": self._root, "STATE": str(self.state), "ID": self.config["User"].split(":")[0]}
        return dict(os.environ) | own

    def __call__(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*command), env=self.environment(), capture_output=True, text=True, check=False, timeout=300
        )

    def remove(self) -> None:
        debian.run(["buildah", "rm", self._working])


def build() -> None:
    """The image, on a Debian that debootstrap makes once."""
    root = CACHE / "base"
    if not (root / "etc/debian_version").exists():
        fresh = CACHE / "base.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        packages = "--include=python3,python3-venv,ca-certificates"
        debian.run(["debootstrap", "--variant=minbase", packages, debian.RELEASE, str(fresh)])
        for path in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(fresh / path)
        shutil.copyfile(CERTIFICATES, fresh / CERTIFICATES.relative_to("/"))  # this machine may have one of its own
        fresh.replace(root)
    working = debian.run(["buildah", "from", "scratch"]).strip()
    debian.run(["buildah", "add", "--quiet", working, str(root), "/"])
    debian.run(["buildah", "commit", "--quiet", "--rm", working, BASE])
    options = ["--isolation=chroot", "--network=host", "--format=docker", f"--build-arg=BASE={BASE}"]
    debian.run(["buildah", "bud", *options, "--tag", IMAGE, str(ROOT)])


def size(image: str) -> int:
    return int(json.loads(debian.run(["podman", "image", "inspect", image]))[0]["Size"])


def check(container: Container) -> None:
    expect("its user is not root", container.config["User"] == "10001:10001")
    say(f"run by {'podman' if container.by_podman else 'a chroot, since podman may not run containers here'}")
    expect("it says its version", container("mynah", "--version").returncode == 0)
    expect("it writes nothing outside its state", container("touch", "/opt/mynah/x").returncode == 1)
    expect("it writes its state", container("touch", "/state/x").returncode == 0)
    once = container("mynah", "run", "--once", "--dry-run")
    expect("it speaks", '"outcome": "dry"' in once.stdout, once.stdout + once.stderr)
    bot = subprocess.Popen(
        container.words("mynah", "run", "--dry-run", "--every", "1s"),
        env=container.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert bot.stdout is not None
    next((line for line in bot.stdout if "round.ended" in line), "")
    health = container("mynah", "status", "--check")
    expect("it is healthy while it runs", health.returncode == 0, health.stdout + health.stderr)
    bot.terminate()
    expect("it stops when it is told to", bot.wait(60) == 0)
    expect("it is not healthy when it has stopped", container("mynah", "status", "--check").returncode == 1)


def expect(what: str, fact: object, detail: str = "") -> None:
    if not fact:
        raise SystemExit(f"FAIL  {what}\n{detail}")
    say(f"ok    {what}")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> None:
    if why := debian.why_not({"buildah": "buildah", "podman": "podman"}):
        sys.exit(why)
    began = time.monotonic()
    build()
    whole, base = size(IMAGE), size(BASE)
    say(f"built in {time.monotonic() - began:.0f} s: {whole / 1e6:.0f} MB, {(whole - base) / 1e6:.0f} above its base")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        make(state)
        debian.run(["chown", "-R", "10001:10001", str(state)])
        Path(folder).chmod(0o755)
        container = Container(IMAGE, state)
        try:
            check(container)
        finally:
            container.remove()


if __name__ == "__main__":
    main()
