"""How help looks: commands in sections, worked examples below each command, near names for a typo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ntgbench.words import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def examples(*lines: str, then: str = "") -> str:
    """The epilog of a command: command lines that work, each on a line of its own, and a paragraph after them."""
    shown = "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
    return f"{shown}\n\n{then}" if then else shown


def examples_of(command: click.Command) -> list[str]:
    """The command lines that `examples` has put below a command."""
    lines = (command.epilog or "").splitlines()
    return [line.strip() for line in lines if line.startswith("  ntgbench ")]


class Group(click.Group):
    """A group that lists its commands in sections, and suggests near names for one that is not there.

    Attributes:
        sections: names of commands by the title of their section; without any, all stand in one.
    """

    sections: Mapping[str, Sequence[str]] = {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        known = {name: one for name in self.list_commands(ctx) if (one := self.get_command(ctx, name)) is not None}
        shown = {name: one for name, one in known.items() if not one.hidden}
        width = max(map(len, shown))
        room = formatter.width - width - 6
        for title, names in (self.sections or {"Commands": list(shown)}).items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), shown[name].get_short_help_str(room)) for name in names])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but for a name that is not there with the nearest ones, in the words of all other names."""
        name = args[0]
        if self.get_command(ctx, name) is None and not (ctx.resilient_parsing or name.startswith("-")):
            shown = [one for one in self.list_commands(ctx) if not self.commands[one].hidden]
            ctx.fail(f"no command is called {name!r}; {suggestion(name, shown)}")
        return super().resolve_command(ctx, args)
