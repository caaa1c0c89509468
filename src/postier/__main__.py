"""`python -m postier` and the installed command `postier`."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    from postier.cli.root import run

    sys.exit(run())


if __name__ == "__main__":
    main()
