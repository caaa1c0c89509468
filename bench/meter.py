"""CPU time and memory of a process and its descendants, read from /proc.

Living threads are counted in nanoseconds (schedstat), ended children in clock ticks (stat); what they did is never lost.
"""

import os
import re
from pathlib import Path

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Meter:
    """Reads one process tree."""

    def __init__(self, root: int) -> None:
        self._root = root

    def cpu_s(self) -> float:
        """Seconds of CPU used so far."""
        return sum(_cpu_s(pid) for pid in self._tree())

    def memory_kib(self) -> tuple[int, int]:
        """(resident, proportional) memory now; shared pages count once in the second."""
        rss = pss = 0
        for pid in self._tree():
            text = _read(PROC / str(pid) / "smaps_rollup")
            rss += sum(int(n) for n in re.findall(r"^Rss:\s+(\d+)", text, re.MULTILINE))
            pss += sum(int(n) for n in re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE))
        return rss, pss

    def _tree(self) -> list[int]:
        found = [self._root]
        for pid in found:  # grows while it is walked
            for task in _tasks(pid):
                found += map(int, _read(task / "children").split())
        return found


def _cpu_s(pid: int) -> float:
    ended = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    threads = sum(int((_read(task / "schedstat") or "0").split()[0]) for task in _tasks(pid))
    return threads / 1e9 + (sum(map(int, ended[13:15])) * TICK_S if ended else 0.0)


def _tasks(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "task").iterdir())
    except FileNotFoundError:  # it has just ended
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
