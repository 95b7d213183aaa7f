"""The command line's own words: help in groups that fits its terminal, and a hint for what is misspelt."""

from __future__ import annotations

import re
import sys
from argparse import SUPPRESS, ArgumentParser, HelpFormatter
from typing import TYPE_CHECKING, Any, NoReturn

from bot.commands.console import terminal
from bot.text.wrapping import cells, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LEFT = 28  # columns for the examples
CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.*)\)", re.DOTALL)
WRONG_USAGE = 2
WIDEST = 100  # columns of help that is not read on a terminal
OPTION, TOGETHER = re.compile(r"\[[^\[\]]*\]"), "\0"  # an option in a usage; what stands for its spaces
TITLE = re.compile(r"^(\w[\w ]*:)(?= |$)", re.MULTILINE)
NAME = re.compile(r"^(  (?:mynah )?)([a-z-]+|-[\w-]+(?:, -[\w-]+)*)(?=$| )", re.MULTILINE)


class Parser(ArgumentParser):
    """For one command. `examples` are shown at the end of its help."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        super().__init__(*args, **options)
        self.examples = examples

    def format_help(self) -> str:
        text = super().format_help()
        if not self.examples:
            return text
        title = "example" if len(self.examples) == 1 else "examples"
        columns = terminal.width() or WIDEST
        lines = [line for example in self.examples for line in wrapped(f"  mynah {example}", columns, hang="  ")]
        return "\n".join([text.rstrip("\n"), "", f"{title}:", *lines, ""])

    def print_help(self, file: Any = None) -> None:
        _print(self.format_help(), file or sys.stdout)

    def error(self, message: str) -> NoReturn:
        """Wrong usage: how to use it, what is wrong, and what was probably meant."""
        _print(self.format_usage(), sys.stderr)
        terminal.warn(_in_our_words(message))
        sys.exit(WRONG_USAGE)

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Complain about arguments that this command does not take."""
        options = [option for action in self._actions for option in action.option_strings]
        word = unknown[0].split("=")[0]
        if word.startswith("-"):
            self.error(f"there is no option {word}{did_you_mean(word, options, cutoff=0.6)}")
        self.error(f"there is no place for {word!r}; `{self.prog} --help` says what it takes")


class TopParser(Parser):
    """For the program: its help has the commands in groups, each as an example to type."""

    groups: Mapping[str, Sequence[tuple[str, str]]] = {}  # title -> (example, what it does)

    def format_help(self) -> str:
        columns = terminal.width() or WIDEST
        lines = [*wrapped(f"usage: {self.prog} [options] COMMAND …", columns, hang="  "), ""]
        lines += [*wrapped(str(self.description), columns), ""]
        for title, commands in self.groups.items():
            lines += [f"{title}:", *(line for one in commands for line in _two_columns(*one, columns)), ""]
        lines.append("options:")
        for action in self._actions:
            if action.option_strings and action.help is not SUPPRESS:
                names = ", ".join(action.option_strings) + (f" {action.metavar}" if action.metavar else "")
                lines += _two_columns(names, str(action.help), columns)
        last = f"`{self.prog} COMMAND --help` says more about a command; `{self.prog}` alone says what to do next."
        return "\n".join([*lines, "", *wrapped(last, columns), ""])

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        values, unknown = self.parse_known_args(args, namespace)
        if unknown:
            getattr(values, "parser", self).refuse(unknown)
        return values


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.55) -> str:
    """A question to end a sentence with; empty if nothing is similar."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), [*dict.fromkeys(known)], n=1, cutoff=cutoff)
    return f": did you mean {close[0]}?" if close else ""


class _Formatter(HelpFormatter):
    """Argparse's own layout; in a narrow terminal every description has a line of its own."""

    def __init__(self, prog: str) -> None:
        columns = terminal.width() or WIDEST
        super().__init__(prog, width=columns, max_help_position=LEFT if columns >= 60 else 6)

    def _format_usage(self, *arguments: Any) -> str:
        """In one line at first, then wrapped between options, each with its value where both fit."""
        columns, self._width = self._width, sys.maxsize
        text = super()._format_usage(*arguments).strip()
        self._width = columns
        kept = OPTION.sub(lambda match: match[0].replace(" ", TOGETHER), text)
        if any(cells(word) > columns - 2 for word in kept.split()):
            kept = text
        return "\n".join(wrapped(kept, columns, hang="  ")).replace(TOGETHER, " ") + "\n\n"

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = wrapped(" ".join(text.split()), width - len(indent))
        return "\n".join(indent + line for line in lines)


def _two_columns(left: str, right: str, columns: int) -> list[str]:
    if columns < 60:
        return [f"  {left}", *(f"      {line}" for line in wrapped(right, columns - 6))]
    lines = [" " * LEFT + line for line in wrapped(right, columns - LEFT)]
    if len(left) > LEFT - 4:
        return [f"  {left}", *lines]
    return [f"  {left}".ljust(LEFT) + lines[0][LEFT:], *lines[1:]]


def _in_our_words(message: str) -> str:
    """Argparse's message about a wrong choice, with the nearest one."""
    if not (match := CHOICE.fullmatch(message)):
        return message
    where, word, choices = match[1], match[2], re.findall(r"'?([^',\s]+)'?", match[3])
    if where == "COMMAND":
        nearest = did_you_mean(word, choices) or "; `mynah --help` lists the commands"
        return f"there is no command {word!r}{nearest}"
    return f"{where}: {word!r} is none of {', '.join(choices)}{did_you_mean(word, choices)}"


def _print(text: str, stream: Any) -> None:
    """Titles are bold, and commands and options have a colour."""
    if terminal.has_colour(stream):
        text = TITLE.sub(lambda match: terminal.painted(match[1], "bold"), text)
        text = NAME.sub(lambda match: match[1] + terminal.painted(match[2], "accent"), text)
    terminal.put(text.rstrip("\n"), stream)
