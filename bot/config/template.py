"""A new configuration: the example with every key commented out, except those that somebody chose."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = re.compile(r"\[([a-z_]+)\]")
SETTING = re.compile(r'([a-z_]+) = (".*?"|\[.*?\]|\{.*?\}|[^#\s]+)( *)(#.*)?$')  # key, value, space, remark
HEAD = """\
# Made by `mynah init`. Each line with # before its key is that key with its default: take the # away to change it.
# `mynah config --changed` shows what differs from the defaults, `mynah config --check` finds mistakes.
"""


def filled(example: str, chosen: Mapping[str, str]) -> str:
    """`example` is config.example.toml; `chosen` has the values of a few keys, such as "schedule.timezone"."""
    section, lines = "", [HEAD]
    for line in example[example.index("\nbot = ") :].splitlines():
        if heading := SECTION.match(line):
            section = f"{heading[1]}."
        setting = SETTING.match(line)
        if not setting:
            lines.append(line)
            continue
        name, value, space, remark = setting.groups()
        chosen_value = chosen.get(f"{section}{name}")
        entry = f"# {name} = {value}" if chosen_value is None else f"{name} = {json.dumps(chosen_value)}"
        column = len(f"{name} = {value}{space}")  # where the remark begins
        lines.append(f"{entry:{column - 1}} {remark}" if remark else entry)
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"
