"""`mynah completion`: prints a script with which bash, zsh or fish complete commands and options."""

from __future__ import annotations

import shlex
from argparse import SUPPRESS
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Action, ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence

SHELLS = ("bash", "zsh", "fish")
HOW = {
    "bash": "# To use it: mynah completion bash > ~/.local/share/bash-completion/completions/mynah",
    "zsh": "# To use it, in a folder of $fpath: mynah completion zsh > /usr/local/share/zsh/site-functions/_mynah",
    "fish": "# To use it: mynah completion fish > ~/.config/fish/completions/mynah.fish",
}


class Option(NamedTuple):
    flags: tuple[str, ...]  # none for a positional argument
    help: str
    values: tuple[str, ...]  # of an option or a positional argument with choices
    takes_value: bool


class Command(NamedTuple):
    name: str  # empty for the program itself
    help: str
    options: tuple[Option, ...]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def completion(args: Namespace) -> int:
    print(script(args.shell, args.top), end="")
    return 0


def script(shell: str, parser: ArgumentParser) -> str:
    write: dict[str, Callable[[Sequence[Command]], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    lines = list(write[shell](list(_commands(parser))))
    first, rest = lines[0], lines[1:]
    return "\n".join([first, HOW[shell], *rest, ""])


def _commands(parser: ArgumentParser) -> Iterator[Command]:
    """The program itself, then each command; what follows `mynah review` counts as choices of its first word."""
    yield Command("", "", tuple(_options(parser)))
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to ask
        for name, sub in (action.choices or {}).items() if isinstance(action.choices, dict) else ():
            yield Command(name, (sub.description or "").removesuffix("."), tuple(_options(sub)))


def _options(parser: ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to ask
        if action.help is not SUPPRESS and (action.option_strings or parser.prog != "mynah"):
            values = tuple(map(str, action.choices or ()))
            if action.option_strings or values:
                yield Option(tuple(action.option_strings), _help(action), values, takes_value=action.nargs != 0)


def _help(action: Action) -> str:
    return (action.help or "").replace("%%", "%")


def _flags(command: Command) -> list[str]:
    return [flag for option in command.options for flag in option.flags]


def _words(command: Command) -> list[str]:
    """What may stand where no option is being given its value."""
    positional = [value for option in command.options if not option.flags for value in option.values]
    return [*positional, *_flags(command)]


def _bash(commands: Sequence[Command]) -> Iterator[str]:
    program, *rest = commands
    yield "# bash completion for mynah"
    yield "_mynah() {"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="" i words=""'
    yield "    for ((i = 1; i < COMP_CWORD; i++)); do"
    yield '        case "${COMP_WORDS[i]}" in'
    yield "            --config|--state) ((i++)) ;;"
    yield "            -*) ;;"
    yield '            *) command="${COMP_WORDS[i]}"; break ;;'
    yield "        esac"
    yield "    done"
    yield '    case "$command $before" in'
    files = []
    for command in commands:
        for option in command.options:
            patterns = [f'"{command.name} {flag}"' for flag in option.flags if option.takes_value]
            if patterns and option.values:
                words = shlex.quote(" ".join(option.values))
                yield f'        {"|".join(patterns)}) COMPREPLY=($(compgen -W {words} -- "$word")); return ;;'
            else:
                files += patterns
    yield f"        {'|'.join(files)}) return ;;  # a value: the shell offers files"
    yield "    esac"
    yield '    case "$command" in'
    for command in rest:
        yield f"        {command.name}) words={shlex.quote(' '.join(_words(command)))} ;;"
    names = " ".join(command.name for command in rest)
    yield f"        '') words={shlex.quote(' '.join([names, *_flags(program)]))} ;;"
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield "complete -o default -F _mynah mynah"


def _zsh(commands: Sequence[Command]) -> Iterator[str]:
    program, *rest = commands
    yield "#compdef mynah"
    yield "_mynah() {"
    yield "    local curcontext=$curcontext state line"
    yield "    local -a commands"
    yield "    commands=("
    for command in rest:
        yield f"        {shlex.quote(f'{command.name}:{command.help}')}"
    yield "    )"
    specs = " ".join(_zsh_spec(option) for option in program.options)
    yield f"    _arguments -C {specs} '1: :->command' '*:: :->arguments'"
    yield "    case $state in"
    yield "        command) _describe command commands ;;"
    yield "        arguments)"
    yield "            case $words[1] in"
    for command in rest:
        specs = " ".join(_zsh_spec(option) for option in command.options)
        yield f"                {command.name}) _arguments {specs} '*:file:_files' ;;"
    yield "            esac ;;"
    yield "    esac"
    yield "}"
    yield '[[ $funcstack[1] == _mynah ]] && _mynah "$@" || compdef _mynah mynah'


def _zsh_spec(option: Option) -> str:
    text = option.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    action = f"({' '.join(option.values)})" if option.values else "_files"
    if not option.flags:
        return shlex.quote(f"1:value:{action}")
    value = f":value:{action}" if option.takes_value else ""
    return " ".join(shlex.quote(f"{flag}[{text}]{value}") for flag in option.flags)


def _fish(commands: Sequence[Command]) -> Iterator[str]:
    program, *rest = commands
    names = " ".join(command.name for command in rest)
    yield "# fish completion for mynah"
    yield f"set -l mynah_commands {names}"
    none = '"not __fish_seen_subcommand_from $mynah_commands"'
    for command in rest:
        yield f"complete -c mynah -n {none} -f -a {command.name} -d {_fish_quoted(command.help)}"
    for option in program.options:
        yield f"complete -c mynah -n {none} {_fish_option(option)}"
    for command in rest:
        for option in command.options:
            yield f"complete -c mynah -n '__fish_seen_subcommand_from {command.name}' {_fish_option(option)}"


def _fish_option(option: Option) -> str:
    words = [f"-{'l' if flag.startswith('--') else 's'} {flag.lstrip('-')}" for flag in option.flags]
    if option.values:
        words.append(f"{'-x' if option.flags else '-f'} -a {_fish_quoted(' '.join(option.values))}")
    elif option.takes_value and option.flags:
        words.append("-r")
    return " ".join([*words, "-d", _fish_quoted(option.help)])


def _fish_quoted(text: str) -> str:
    """Fish has only two escapes between single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
