"""``python -m dreamstream``, and what the installed command calls."""

import sys

from dreamstream.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
