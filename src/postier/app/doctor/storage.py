"""The store and the queue: do they answer, is there room, how long does mail wait?

Not here: whether every row is right (`postier verify`).
"""

import shutil

from postier.accounts.domains import DomainInfo
from postier.app.doctor.finding import Finding, State
from postier.app.settings import Settings
from postier.mta.queue_figures import QueueFigures

STORE = "store"
QUEUE = "queue"
LITTLE_BYTES = 1 << 30
LITTLE_SHARE = 0.05
OLD_S = 4 * 3600


def examine_store(settings: Settings, domains: list[DomainInfo]) -> list[Finding]:
    """Room on the disk, and whether there is anybody to serve."""
    usage = shutil.disk_usage(settings.data)
    free = f"{usage.free / (1 << 30):.1f} GiB of {usage.total / (1 << 30):.1f} GiB are free"
    found = []
    if usage.free < LITTLE_BYTES or usage.free < usage.total * LITTLE_SHARE:
        found.append(
            Finding(
                STORE, State.WARNING, f"{settings.data}: {free}", "make room, or move it to a larger disk"
            )
        )
    if not domains:
        found.append(Finding(STORE, State.WRONG, "there is no domain", "postier domain add NAME"))
    elif not any(info.accounts for info in domains):
        found.append(Finding(STORE, State.WRONG, "there is no account", "postier account add ADDRESS"))
    accounts = sum(info.accounts for info in domains)
    says = f"it answers; {len(domains)} domains, {accounts} accounts; {free}"
    return found or [Finding(STORE, State.FINE, says)]


def examine_queue(queue: QueueFigures, now_us: int) -> Finding:
    """How much waits, and how long the oldest."""
    waiting, held = queue.recipients["waiting"], queue.recipients["held"]
    says = f"{waiting} recipients wait, {held} are held"
    if not queue.oldest_at:
        return Finding(QUEUE, State.FINE, "empty")
    age_s = (now_us - queue.oldest_at) / 1_000_000
    says += f"; the oldest letter is {age_s / 3600:.1f} hours old"
    if age_s < OLD_S:
        return Finding(QUEUE, State.FINE, says)
    cure = (
        "postier queue stats; if nothing at all leaves, ask your provider whether it blocks port 25 outwards"
    )
    return Finding(QUEUE, State.WARNING, says, cure)
