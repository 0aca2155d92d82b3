"""Write docs/reference/cli.md from what each command says of itself with --help.

Usage: python -m tools.make_cli_reference
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from spondyl.app.cli import COMMANDS, app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
_WIDTH = 100
_HEAD = """\
# Commands

Made by `python -m tools.make_cli_reference` from each command's `--help`; a test compares. Results go to stdout,
everything else to stderr. Exit codes: 0 done, 2 something for you to mend (one sentence says what was found, what was
expected and what to do), 3 a computation that did not converge (no number is given), 130 interrupted.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(app)
    top = _context(group, "spondyl", None)
    sections = [_section(group, top)]
    sections += [_section(group.commands[name], _context(group.commands[name], name, top)) for name in COMMANDS]
    return "\n".join((_HEAD, *sections))


def _context(command: Any, name: str, parent: Any) -> Any:
    context = command.context_class(command, info_name=name, parent=parent, **command.context_settings)
    context.terminal_width = context.max_content_width = _WIDTH
    return context


def _section(command: Any, context: Any) -> str:
    """A command's help as plain text, without the frames that a terminal gets."""
    command.rich_markup_mode = None
    return f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"


if __name__ == "__main__":
    main()
