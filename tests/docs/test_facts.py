"""Values, events and names that the pages state are those of the code."""

import re
import textwrap

import pytest
from tools import generate_limits

from postier.accounts import limiter
from postier.app.catalogue import SETTINGS
from postier.app.wiring import PROTOCOLS
from postier.imap import capabilities, flags
from postier.mailauth.dkim.verify import MAX_SIGNATURES
from postier.mailauth.spf import result as spf_result
from postier.mailbox import filing, folders, names
from postier.mta import trace_fields
from postier.mta.sieving import memory, posting
from postier.store import packs, sqlite
from tests.docs.pages import ROOT, inline, rows

LIMITS = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
_STATED = {row[0]: row[1] for row in rows(LIMITS, "## Those that you may meet")}
_DAY_S = 86_400
_CODE: dict[str, str] = {
    "size of a message": f"{SETTINGS['limits.message_size'].default >> 20} MiB",
    "recipients of a message": f"{SETTINGS['limits.recipients'].default:,}",
    "connections of a worker": f"{SETTINGS['limits.connections'].default:,}",
    "connections from one IPv4 address or IPv6 /64": f"{SETTINGS['limits.connections_per_ip'].default:,}",
    "failed commands of a connection": f"{SETTINGS['limits.errors'].default:,}",
    "wrong passwords from one address, free": f"{limiter.FREE_BY_ADDRESS}",
    "wrong passwords for one account from one network, free": f"{limiter.FREE_BY_ACCOUNT}",
    "keywords of an account": f"{flags.MAX_KEYWORDS}",
    "mailboxes of an account": f"{folders.MAX_MAILBOXES:,}",
    "levels of a mailbox's name": f"{names.MAX_DEPTH}",
    "messages of one APPEND, and of one COPY into another account": f"{filing.MAX_FILED_AT_ONCE:,}",
    "messages of one IMAP command": f"{SETTINGS['imap.message_limit'].default or 'none'}",
    "Received fields of a letter": f"{trace_fields.MAX_HOPS}",
    "DKIM signatures looked at": f"{MAX_SIGNATURES}",
    "DNS questions of one SPF check": f"{spf_result.MAX_LOOKUPS}",
    "room on the disk kept free": f"{packs.SPARE_BYTES >> 20} MiB",
    "processor time of an account's Sieve scripts": f"{memory.CPU_BUDGET_US // memory.SECOND_US} s an hour",
    "Received fields of a letter that a script redirects": f"{posting.MAX_REDIRECT_HOPS}",
    "notifications of an account's scripts": f"{memory.MAX_NOTIFICATIONS} an hour",
    "age of a queued letter": f"{SETTINGS['delivery.lifetime_s'].default // _DAY_S} days",
}


def test_the_limits_that_people_meet_are_stated_rightly() -> None:
    assert _STATED == _CODE


def test_the_list_of_all_limits_is_fresh() -> None:
    assert generate_limits.page(ROOT) == LIMITS, "run `python tools/generate_limits.py`"


@pytest.mark.parametrize("row", rows(OPERATIONS, "## The log"), ids=lambda row: row[0])
def test_the_events_of_the_log_are_written_somewhere(row: list[str]) -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for event in re.findall(r"`([^`]+)`", row[0]):
        assert f'"{event}"' in source
    for field in re.findall(r"`([^`]+)`", row[2]):
        assert f"{field}=" in source


def test_the_ports_table_has_protocols_that_are_served() -> None:
    served = {protocol.value for protocol in PROTOCOLS}
    stated = {row[2].split(",")[0].strip("` ") for row in rows(OPERATIONS, "## Ports and rights")}
    assert stated == served


def test_the_extensions_that_the_readme_names_are_announced() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.search(r"IMAP4rev1 and IMAP4rev2 with (.*?)\.\n- \*\*", readme, re.DOTALL)
    assert named is not None
    announced = {name.decode() for name, _ in capabilities.EXTENSIONS} | {"ID", "ENABLE", "LITERAL+"}
    assert set(re.split(r",\s+", named[1])) <= announced


def test_the_cycle_of_a_write_is_the_one_that_the_engine_describes() -> None:
    described = re.search(r"One cycle:\n\n(.*?)\n\n", sqlite.__doc__ or "", re.DOTALL)
    assert described is not None
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert textwrap.dedent(described[1]) in architecture


def test_the_reasons_for_decisions_name_things_that_exist() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for page in (ROOT / "docs/adr").glob("0*.md"):
        for name in inline(page):
            if re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", name):
                assert re.search(rf"^{name}\b", source, re.MULTILINE), f"{page.name}: {name}"
