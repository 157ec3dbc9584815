"""Completion in a real bash and a real zsh, which run the script that `ntgbench completion` prints."""

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

# Each line as it is typed, and what it becomes by the tab key; "…" at its end where the word goes on.
CASES = {
    "ntgbench repo": {"report"},
    "ntgbench run -s mam": {"mamba", "mamba-onnx", "mamba-onnx-int8", "mamba-int8-wo", "mamba-int8-da"},
    "ntgbench run -s mark": {"markov"},
    "ntgbench run -s 'markov[": {"markov[order="},
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
    for line in CASES:
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
    assert dict(zip(CASES, found, strict=True)) == CASES


def test_bash_replaces_what_follows_the_sign_at_which_it_broke_the_word(place: Path) -> None:
    """Readline makes three words of `mamba\\[epochs=2,wei`."""
    line = r"ntgbench run -s mamba\[epochs=2,wei"
    word = shlex.quote(r"mamba\[epochs")
    asked = f"{_BASH}\nask {shlex.quote(line)} ntgbench run -s {word} = 2,wei"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", asked], env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines()[1:] == [r"2\,weight_decay=", "---"]


def test_completion_imports_nothing_heavy(place: Path) -> None:
    program = (
        "import atexit, os, sys\n"
        "from ntgbench.cli import cli, completing\n"
        "from ntgbench.cli.shells import Zsh, PROGRAM, VARIABLE\n"
        "for line in sys.argv[1:]:\n"
        "    os.environ['COMP_WORDS'] = line\n"
        "    Zsh(cli, {}, PROGRAM, VARIABLE).complete()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    lines = [line for line in CASES if "nowhere" not in line]
    done = subprocess.run([sys.executable, "-c", program, *lines], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "ntgbench" in loaded
    assert loaded.isdisjoint({"torch", "sklearn", "scipy", "pandas", "pyarrow", "transformers", "onnxruntime"})


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
