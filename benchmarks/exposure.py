"""The exposure of our units by `systemd-analyze security`, compared with well-known daemons: `make exposure`.

0 is none, 10 is full. Ours are measured as shipped; for the others, the lines about hardening and users are copied from
their published units (which are short).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Lines that do not affect the score are left out; the program is one that always exists.
OTHERS = {
    "Caddy (its packages' caddy.service)": """
        Type=notify
        User=daemon
        Group=daemon
        LimitNOFILE=1048576
        PrivateTmp=true
        ProtectSystem=full
        AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
    """,
    "litestream (its package's litestream.service)": """
        Restart=always
    """,
    "Home Assistant Core (as its documentation recommends)": """
        Type=simple
        User=daemon
        RestartForceExitStatus=100
    """,
}
OURS = {
    "mynah@ (the bot)": ("mynah@.service", False),
    "mynah@ with the drop-in for a GPU": ("mynah@.service", True),
    "mynah-retrain@ (no network, no keys)": ("mynah-retrain@.service", False),
    "mynah-alert@ (the network for a command of yours)": ("mynah-alert@.service", False),
}


def score(unit: str, folder: Path) -> float:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(folder / unit)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    if match is None:
        sys.exit(f"systemd-analyze cannot score {unit}: {result.stdout}{result.stderr}")
    return float(match[1])


def ours(name: str, folder: Path, *, gpu: bool) -> float:
    text = (ROOT / "systemd" / name).read_text(encoding="utf-8").replace("/opt/mynah/.venv/bin/mynah", "/bin/true")
    (folder / name).write_text(text, encoding="utf-8")
    if gpu:
        (folder / f"{name}.d").mkdir()
        shutil.copy(ROOT / "systemd" / "gpu.conf", folder / f"{name}.d")
    return score(name, folder)


def other(directives: str, folder: Path) -> float:
    lines = [line.strip() for line in directives.strip().splitlines()]
    (folder / "other.service").write_text("\n".join(["[Service]", "ExecStart=/bin/true", *lines, ""]), encoding="utf-8")
    return score("other.service", folder)


def main() -> None:
    if shutil.which("systemd-analyze") is None:
        sys.exit("systemd-analyze is not installed (Debian: apt-get install systemd)")
    print(subprocess.check_output(["systemd-analyze", "--version"], text=True).splitlines()[0])
    for name, (unit, gpu) in OURS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{ours(unit, Path(folder), gpu=gpu):5.1f}  {name}")
    for name, directives in OTHERS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{other(directives, Path(folder)):5.1f}  {name}")


if __name__ == "__main__":
    main()
