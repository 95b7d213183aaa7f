"""The door to the installed program: in a wheel, the packages `bot` and `training` are inside this one.

Other distributions install packages of those names too; here nothing overwrites them, and they do not hide ours
(docs/decisions/0007-packages-inside-a-package.md). In the repository, `bot` and `training` stand beside this folder.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    inside = Path(__file__).parent
    if (inside / "bot").is_dir():
        sys.path.insert(0, str(inside))
    from bot import cli

    return cli.main()
