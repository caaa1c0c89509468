"""Fail when an RFC is cited in the source and not listed in docs/rfc/index.tsv, or the index is malformed.

Each line of the index: RFC number, title, status (full, partial, planned, no), where, note; separated by tabs.
"""

import re
import sys
from pathlib import Path

INDEX = Path("docs/rfc/index.tsv")
STATUSES = {"full", "partial", "planned", "no"}
CITATION = re.compile(r"RFCs? (\d{3,5})")


def main() -> int:
    """Compare citations with the index."""
    wrong, listed = [], {}
    for number, line in enumerate(INDEX.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 5 or not fields[0].isdigit() or fields[2] not in STATUSES:
            wrong.append(f"{INDEX}:{number}: expected number, title, status, where, note")
            continue
        if fields[0] in listed:
            wrong.append(f"{INDEX}:{number}: RFC {fields[0]} is listed twice")
        listed[fields[0]] = fields[2]
        wrong += [
            f"{INDEX}:{number}: {place} does not exist"
            for place in fields[3].split()
            if not Path("src/postier", place).exists()
        ]
    for path in sorted(Path("src").rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            wrong += [
                f"{path}:{number}: RFC {cited} is not in {INDEX}"
                for cited in CITATION.findall(line)
                if cited.lstrip("0") not in listed
            ]
    print("\n".join(wrong) if wrong else "citations: ok")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
