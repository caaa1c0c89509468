"""Write the manual pages that are made from declarations; with --check, only say which are stale (exit 1)."""

import sys
from collections.abc import Callable
from pathlib import Path

from postier.app import manual

ROOT = Path(__file__).resolve().parent.parent
PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": manual.configuration_page,
    "docs/metrics.md": manual.metrics_page,
}


def stale(root: Path = ROOT) -> list[str]:
    """The pages whose file differs from what the declarations say now."""
    return [
        name
        for name, page in PAGES.items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != page()
    ]


def main() -> int:
    """Write or check; gives the exit code."""
    found = stale()
    if "--check" in sys.argv[1:]:
        for name in found:
            print(f"{name} is stale: run `python tools/generate_docs.py`")
        return 1 if found else 0
    for name in found:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"{name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
