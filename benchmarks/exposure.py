"""What our units leave open, by `systemd-analyze security`, beside daemons that others trust: `make exposure`.

0 is nothing, 10 is everything. Ours are weighed as they are shipped; of the others, what their own units say about
hardening and users, written down here from their published files (they are small, and say little).
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
# What does not bear on the score is left out; the program is one that is there.
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
    "Home Assistant Core (the shape that its users are told)": """
        Type=simple
        User=daemon
        RestartForceExitStatus=100
    """,
}
OURS = {
    "mynah@ (the bot)": ("mynah@.service", False),
    "mynah@ with the drop-in for a GPU": ("mynah@.service", True),
    "mynah-retrain@ (no network, no keys)": ("mynah-retrain@.service", False),
}


def score(unit: str, folder: Path) -> float:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(folder / unit)]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    if found is None:
        sys.exit(f"systemd-analyze says of {unit}: {told.stdout}{told.stderr}")
    return float(found[1])


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
        sys.exit("systemd-analyze is not there (Debian: apt-get install systemd)")
    print(subprocess.check_output(["systemd-analyze", "--version"], text=True).splitlines()[0])
    for name, (unit, gpu) in OURS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{ours(unit, Path(folder), gpu=gpu):5.1f}  {name}")
    for name, directives in OTHERS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{other(directives, Path(folder)):5.1f}  {name}")


if __name__ == "__main__":
    main()
