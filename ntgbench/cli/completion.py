"""`ntgbench completion`: the shell completes names of systems, datasets, classes and all else."""

from __future__ import annotations

import click

from ntgbench.cli.help import examples
from ntgbench.cli.shells import SHELLS, script


@click.command(
    short_help="Print what makes a shell complete names.",
    epilog=examples("ntgbench completion bash > ~/.ntgbench-completion", 'eval "$(ntgbench completion zsh)"'),
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script with which SHELL completes systems, parameters, datasets, classes, protocols and options.

    \b
    bash:  add to ~/.bashrc
           eval "$(ntgbench completion bash)"
    zsh:   add to ~/.zshrc, after compinit
           eval "$(ntgbench completion zsh)"
    fish:  run once
           ntgbench completion fish > ~/.config/fish/completions/ntgbench.fish

    Then open a new shell, and press the tab key: `ntgbench run -s mar` becomes `ntgbench run -s markov`, and after
    `markov[` its parameters follow. In zsh, write systems with parameters in quotes.
    """  # noqa: D301
    click.echo(script(context.find_root().command, shell), nl=False)
