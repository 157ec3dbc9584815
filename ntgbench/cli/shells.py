"""Completion in a shell: the scripts that `ntgbench completion` prints, and the answers to what they ask.

Click's own scripts cannot say that a word goes on, break words at `=` in bash, and split values at spaces.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, NoReturn

from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete, split_arg_string

from ntgbench.probing import PROBED

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

PROGRAM, VARIABLE = "ntgbench", "_NTGBENCH_COMPLETE"

LONGEST = 5
"""Seconds after which a shell gets no answer: a plugin may block when it is imported."""

_BASH = """\
%(complete_func)s() {
    local line="${COMP_LINE:0:COMP_POINT}" begun="${COMP_WORDS[COMP_CWORD]}" kind value
    # Readline breaks words at some signs inside them, such as =, and replaces what follows the last one.
    local word="${line##*[[:space:]]}" kept=""
    [[ $word == *"$begun" ]] && kept="${word%%"$begun"}"
    [[ $begun == "=" || $begun == ":" ]] && kept="$word"
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value _; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open | plain)
                [[ $kind == open ]] && compopt -o nospace
                [[ $begun == [\\'\\"]* ]] || printf -v value %%q "$value"
                COMPREPLY+=("${value#"$kept"}")
                ;;
        esac
    done < <(COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local line="${(j: :)words[1,CURRENT-1]} ${QIPREFIX}${PREFIX}" kind value help shown
    local -a plain plain_shown open open_shown
    while IFS=$'\\t' read -r kind value help; do
        shown="$value${help:+  -- $help}"
        shown="${shown[1,COLUMNS-2]}"
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files ;;
            open) open+=("$value") open_shown+=("$shown") ;;
            plain) plain+=("$value") plain_shown+=("$shown") ;;
        esac
    done < <(COMP_WORDS="$line" %(complete_var)s=zsh_complete "$words[1]" 2>/dev/null)
    (( $#plain )) && compadd -U -l -V names -d plain_shown -a plain
    (( $#open )) && compadd -U -l -V open -S '' -d open_shown -a open
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


def _typed() -> tuple[list[str], str]:
    """The words before the one that is being typed, and that one, perhaps with a quote still open."""
    _, *words, last = split_arg_string(f"{os.environ['COMP_WORDS']}|")
    return words, last[:-1]


def _line(item: CompletionItem[Any]) -> str:
    """One answer: whether the word goes on, the word, and what it means."""
    value = str(item.value)
    if not value.isprintable():  # no shell could be told how to write it
        return ""
    kind = "open" if item.open else item.type
    return f"{kind}\t{value}\t{' '.join((item.help or '').split())}"


class Bash(BashComplete):
    """Bash from 4.4."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """See `_typed`."""
        return _typed()

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """See `_line`."""
        return _line(item)


class Zsh(ZshComplete):
    """Zsh, with what each candidate means."""

    source_template = _ZSH

    def get_completion_args(self) -> tuple[list[str], str]:
        """See `_typed`."""
        return _typed()

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """See `_line`."""
        return _line(item)


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": FishComplete}


def script(cli: click.Command, shell: str) -> str:
    """What a shell is to run so that it completes the command line `cli`."""
    return SHELLS[shell](cli, {}, PROGRAM, VARIABLE).source()


def answer(cli: click.Command, asked: str) -> NoReturn:
    """Print the candidates for what a shell asks, `bash_complete`, and end; whatever goes wrong, nothing else."""
    import contextlib

    # Plugins are not tried in another process first, which takes time: one that does harm completes nothing.
    os.environ[PROBED] = "1"
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.alarm(LONGEST)
    # What plugins print is no candidate.
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with contextlib.suppress(BaseException):
        found = SHELLS[asked.partition("_")[0]](cli, {}, PROGRAM, VARIABLE).complete()
        with os.fdopen(shown, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(f"{found}\n")
    os._exit(0)
