"""Asked by hatchling: the README as package indexes show it, with links that work outside the repository."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(!\[[^\]]*)?\]\((?!https?:|mailto:|#)([^)\s]+)\)")  # group 1: an image


class ReadmeHook(MetadataHookInterface):
    def update(self, metadata: dict) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, metadata["urls"]["Source"], f"v{metadata['version']}"),
        }


def absolute(text: str, source: str, tag: str) -> str:
    """The text with the repository's address in each relative link, at the tag of this version."""

    def link(match: re.Match[str]) -> str:
        image, path = match.groups()
        return f"{image or ''}]({source}/{'raw' if image else 'blob'}/{tag}/{path})"

    return RELATIVE.sub(link, text)
