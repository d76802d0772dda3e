"""``python -m dreamstream``, and what the installed command calls."""

import sys

from dreamstream.cli.main import main as run_command

STUDIO = "studio"
"""The one word that is no INPUT (a file of that name is ./studio)."""


def main() -> int:
    """Open the studio where the first word asks for it; else run the command."""
    if sys.argv[1:2] == [STUDIO]:
        from dreamstream.studio.command import run_studio

        return run_command(sys.argv[2:], run=run_studio)
    return run_command()


if __name__ == "__main__":
    sys.exit(main())
