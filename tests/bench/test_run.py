"""A short run of the measurements: that they work against a real server, and the shape of what they print."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    with tempfile.TemporaryDirectory(dir="/tmp") as made:  # pytest's own folders shut Dovecot's users out
        folder = Path(made)
        folder.chmod(0o711)
        done = subprocess.run(
            [
                *(sys.executable, str(ROOT / "bench/run.py"), "--quick", "--workers", "1"),
                *("--folder", made, "--beside", "dovecot"),
            ],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert list(folder.iterdir()) == []  # it clears up
        return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_machine_comes_first(rows: Rows) -> None:
    assert rows[0]["bench"] == "machine"
    assert {"cpus", "python", "system", "workers", "load"} <= rows[0].keys()


def test_what_is_received_is_counted_in_the_store(rows: Rows) -> None:
    received = [row for row in rows if row["bench"] == "smtp-in"]
    assert {"plain", "dkim-signed"} <= {row["way"] for row in received}
    assert {"4k", "50k"} == {row["letter"] for row in received}
    for row in received:
        assert row["stored"] == row["letters"]
        assert all(float(str(row[key])) > 0 for key in ("per_s", "cpu_ms", "p50_ms", "p99_ms"))


def test_each_operation_of_imap_has_its_figures(rows: Rows) -> None:
    operations = {str(row["operation"]): row for row in rows if row.get("server") == "postier"}
    for word in (
        "SELECT",
        "FETCH",
        "SEARCH",
        "STORE",
        "APPEND",
        "COPY",
        "MOVE",
        "EXPUNGE",
        "login",
        "idle",
        "IDLE",
    ):
        assert any(word in name for name in operations), word
    for name in ("SELECT", "COPY 50", "EXPUNGE 50"):
        assert {"wall_ms", "cpu_ms"} <= operations[name].keys()
    assert operations["UID FETCH 1:* FLAGS"]["lines"] == operations["UID FETCH 1:* FLAGS"]["messages"]
    assert operations["EXPUNGE 50"]["lines"] == 50
    assert {"rss_kib_each", "pss_kib_each"} <= operations["idle connections"].keys()
    large = operations["a large mailbox, selected"]
    assert large["lines"] == large["messages"] == 3_000
    assert {"pss_mib_selected", "pss_mib_fetched"} <= large.keys()


def test_dovecot_does_the_same_and_the_ratios_are_told(rows: Rows) -> None:
    ours, theirs = (
        {str(row["operation"]): row for row in rows if row.get("server") == server}
        for server in ("postier", "dovecot mdbox")
    )
    ratios = {str(row["operation"]): row for row in rows if row["bench"] == "ratio"}
    assert ratios.keys() == theirs.keys()
    assert {name for name in ours.keys() - theirs.keys() if "index" not in name} == {
        "IDLE, from the final dot to EXISTS"
    }
    for name, row in theirs.items():
        if name.startswith(("UID FETCH", "STORE", "FETCH")):
            assert row["lines"] == ours[name]["lines"], name
    select = ours["SELECT"], theirs["SELECT"], ratios["SELECT"]
    cpu = [float(str(row["cpu_ms"])) for row in select]
    assert cpu[2] == pytest.approx(cpu[0] / cpu[1], abs=0.001)
