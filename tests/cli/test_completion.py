"""Completion in a real bash and a real zsh, which run the script that `ntgbench completion` prints."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ntgbench import Context
from ntgbench.cli import cli
from ntgbench.cli.shells import SHELLS, script
from ntgbench.systems import choose
from ntgbench.testing import example_traffic

# Each line as it is typed, and the words that its last one may become.
CASES = {
    "ntgbench repo": {"report"},
    "ntgbench run -s mam": {"mamba", "mamba-onnx", "mamba-onnx-int8", "mamba-int8-wo", "mamba-int8-da"},
    "ntgbench run -s mark": {"markov"},
    "ntgbench run -s 'markov[": {"markov[order=", "markov[sampling="},
    "ntgbench run -s 'llama[epochs=3,lay": {"llama[epochs=3,layers="},
    "ntgbench run -d sim": {"simulated"},
    "ntgbench run -d exa": {"example.parquet"},
    "ntgbench run qu": {"quick"},
    "ntgbench run mi": {"mine.toml"},
    "ntgbench run --suite ut": {"utility"},
    "ntgbench run --engine d": {"dask"},
    "ntgbench calibrate macro_f1_b": {"macro_f1_boosting"},
    "ntgbench info real --track h": {"headers"},
    "ntgbench generate --model fitted --class ": {"chat", "mail", "rare", "two words"},
    "ntgbench generate --model nowhere --class ": set(),
    "ntgbench run -s nothing-is-called-so": set(),
}

IN_SHELLS = (
    "ntgbench repo",
    "ntgbench run -s 'markov[",
    "ntgbench run -d exa",
    "ntgbench generate --model fitted --class ",
    "ntgbench generate --model nowhere --class ",
)

_BASH = """
eval "$(ntgbench completion bash)"
complete -p ntgbench
compopt() { :; }
ask() {
    COMP_LINE="$1" COMP_POINT=${#1} COMP_WORDS=("${@:2}") COMP_CWORD=$(( $# - 2 )) COMPREPLY=()
    _ntgbench_completion ntgbench
    printf '%s\\n' "${COMPREPLY[@]}" "---"
}
"""

_ZSH = """
autoload -Uz compinit && compinit -u -D
eval "$(ntgbench completion zsh)"
print -r -- "$_comps[ntgbench]"
compadd() { print -rl -- "${(@P)@[-1]}" }
ask() {
    words=("${@:2}") CURRENT=$(( $# - 1 )) QIPREFIX= PREFIX="${@[-1]}" COLUMNS=80
    _ntgbench_completion
    print -r -- ---
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a protocol and a fitted system with a class of two words."""
    folder = tmp_path_factory.mktemp("completion")
    traffic = example_traffic()
    names = tuple("two words" if name == "video" else name for name in traffic.classes)
    type(traffic)(traffic.signed_pl, traffic.label, names).to_parquet(folder / "example.parquet")
    (folder / "fitted").mkdir()
    choose("copy").fit(type(traffic)(traffic.signed_pl, traffic.label, names), Context(seed=1)).save(folder / "fitted")
    (folder / "mine.toml").touch()
    return folder


def ask(shell: str, begun: str, place: Path) -> list[str]:
    """What a shell prints that runs the script and asks for each of the cases."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    asked = []
    for line in IN_SHELLS:
        # As readline and the line editor of zsh break it, a quote that is open included.
        words = [*line.rpartition(" ")[0].split(), line.rpartition(" ")[2]]
        asked.append(shlex.join(["ask", line, *words]))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(place)}
    options = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"]}[shell]
    program = "\n".join([begun, *asked])
    done = subprocess.run(
        [shell, *options, "-c", program], cwd=place, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(("shell", "begun"), [("bash", _BASH), ("zsh", _ZSH)])
def test_a_shell_completes_names_and_nothing_goes_wrong_in_it(place: Path, shell: str, begun: str) -> None:
    registered, *told = ask(shell, begun, place)
    assert "_ntgbench_completion" in registered
    found, current = [], set()
    for line in told:
        if line == "---":
            found.append(current)
            current = set()
        elif line:
            # Bash is told how to write a word, zsh finds out itself.
            current.add(shlex.split(line)[0] if shell == "bash" and "\\" in line else line)
    assert dict(zip(IN_SHELLS, found, strict=True)) == {line: CASES[line] for line in IN_SHELLS}


def test_bash_replaces_what_follows_the_sign_at_which_it_broke_the_word(place: Path) -> None:
    """Readline makes three words of `mamba\\[epochs=2,wei`."""
    line, *words = r"ntgbench run -s mamba\[epochs=2,wei", "ntgbench", "run", "-s", r"mamba\[epochs", "=", "2,wei"
    asked = f"{_BASH}\n{shlex.join(['ask', line, *words])}"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", asked], env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[1:] == [r"2\,weight_decay=", "---"]


_ALL = """
import json, os, sys
from ntgbench.cli import cli
from ntgbench.cli.shells import Bash, PROGRAM, VARIABLE

found = {}
for line in json.loads(sys.argv[1]):
    os.environ["COMP_WORDS"] = line
    try:
        answer = Bash(cli, {}, PROGRAM, VARIABLE).complete()
    except Exception:  # what `answer` swallows
        answer = ""
    found[line] = [one.split("\\t")[1] for one in answer.splitlines()]
print(json.dumps([found, sorted(sys.modules)]))
"""


def test_all_kinds_of_names_are_completed_and_nothing_heavy_is_imported(place: Path) -> None:
    command = [sys.executable, "-c", _ALL, json.dumps(list(CASES))]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    found, loaded = json.loads(done.stdout)
    assert {line: set(words) for line, words in found.items()} == CASES
    heavy = {"torch", "sklearn", "scipy", "pandas", "pyarrow", "transformers", "onnxruntime"}
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize(
    "harm",
    [
        "raise RuntimeError('oops')",
        "import os; os.write(1, b'plain\\trubbish\\t\\n'); os.write(2, b'noise'); print('plain\\trubbish\\t')",
        "import os; os._exit(3)",
        "import logging; logging.warning('careful')",
    ],
)
def test_a_plugin_that_does_harm_leaves_no_word_in_the_shell(install, ntgbench, harm: str) -> None:
    install("harmful-plugin", harm)
    done = ntgbench(COMP_WORDS="ntgbench run -s mark", _NTGBENCH_COMPLETE="bash_complete")
    assert (done.returncode in (0, 3), done.stderr) == (True, "")
    assert done.stdout in (
        "",
        "plain\tmarkov\tA Markov chain per class over signed payload lengths and the end of the biflow\n",
    )
    assert bool(done.stdout) == ("_exit" not in harm)


def test_an_unknown_shell_gets_no_answer(ntgbench) -> None:
    done = ntgbench(COMP_WORDS="ntgbench ", _NTGBENCH_COMPLETE="tcsh_complete")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(command, shell: str) -> None:
    done = command("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == script(cli, shell)
    assert f"_NTGBENCH_COMPLETE={shell}_complete" in done.stdout
