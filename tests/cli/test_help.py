"""Help: worked examples that parse, one-line summaries that are whole, near names for typos."""

import shlex

import click
import command_line
import pytest

from ntgbench.cli import COMMANDS, cli
from ntgbench.cli.help import Group, examples_of

SHOWN = {name: command for name, command in command_line.every_command().items() if not command.hidden}
EXAMPLES = [line for command in (cli, *cli.commands.values(), *SHOWN.values()) for line in examples_of(command)]


def parse(line: str) -> None:
    """Parse a command line as the program does, and run nothing. Raises click's errors."""
    words = shlex.split(line)[1:]
    if ">" in words:
        words = words[: words.index(">")]
    command: click.Command = cli
    context = cli.make_context("ntgbench", words)
    while isinstance(command, click.Group):
        words = [*context._protected_args, *context.args]
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = command.make_context(name, words, parent=context)


@pytest.mark.parametrize("name", SHOWN)
def test_every_command_has_examples_below_a_summary_of_one_line(name: str) -> None:
    lines = examples_of(SHOWN[name])
    assert lines, f"{name} has no examples: epilog=examples(…)"
    assert all(len(line) <= 92 for line in lines)
    # The first words, unless the command is that of a group.
    assert all(f"ntgbench {name}" in line for line in lines)
    with click.Context(SHOWN[name], info_name=name, terminal_width=80) as context:
        shown = SHOWN[name].get_help(context)
    assert "Examples:\n" in shown
    assert all(f"    {line}\n" in f"{shown}\n" for line in lines)


@pytest.mark.parametrize("line", sorted(set(EXAMPLES)))
def test_an_example_is_understood(line: str) -> None:
    parse(line)


def test_an_example_that_is_wrong_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        parse("ntgbench run --sede 3")
    with pytest.raises(click.UsageError, match="did you mean fetch"):
        parse("ntgbench datasets fech mirage-2019")


@pytest.mark.parametrize("group", [cli, cli.commands["datasets"]])
def test_a_group_lists_every_command_with_its_whole_summary_on_80_columns(group: Group) -> None:
    with click.Context(group, info_name="ntgbench", terminal_width=80) as context:
        shown = group.get_help(context)
    assert all(len(line) <= 80 for line in shown.splitlines())
    for name, command in group.commands.items():
        summary = command.get_short_help_str(1_000)
        told = [line for line in shown.splitlines() if line.startswith(f"  {name} ") and line.endswith(f" {summary}")]
        assert bool(told) != command.hidden, name


def test_every_command_stands_in_one_section() -> None:
    placed = [command for commands in COMMANDS.values() for command in commands]
    assert len(placed) == len(set(placed))
    assert {command.name for command in placed} == {name for name, one in cli.commands.items() if not one.hidden}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rnu",), "no command is called 'rnu'; did you mean run?"),
        (("run", "quik"), "no protocol is called 'quik'; did you mean quick?"),
        (("run", "-s", "markow"), "no system is called 'markow'; did you mean markov?"),
        (("run", "-d", "simulatd"), "no dataset is called 'simulatd' (did you mean simulated?)"),
        (("run", "--suite", "fidelty"), "no suite of the track biflows is called 'fidelty'; did you mean fidelity?"),
        (("calibrate", "jsd_1grm"), "no metric is called 'jsd_1grm'; did you mean jsd_1gram"),
        (("info", "real", "--track", "headrs"), "no track is called 'headrs'; did you mean headers?"),
    ],
)
def test_typos_get_the_nearest_name_in_the_same_words(command, arguments: tuple[str, ...], said: str) -> None:
    done = command(*arguments)
    assert done.returncode != 0
    assert said in done.stderr
