"""The page of commands is what the commands say of themselves."""

from spondyl.app.cli import COMMANDS
from tools.make_cli_reference import PAGE, page


def test_the_page_is_current() -> None:
    """When this fails: python -m tools.make_cli_reference."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_command_has_a_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## spondyl",
        *(f"## spondyl {name}" for name in COMMANDS),
    ]
