"""A real DNS server (nsd) for tests, serving zones that the test writes.

`start_nsd(tmp_path, zones)` is a context manager that gives the port on 127.0.0.1 (UDP and TCP); the fixture
`nsd` does the same for the length of one test. A machine without nsd fails the test: install the Debian package `nsd`.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

ADDRESS = "127.0.0.1"
_HEAD = "$ORIGIN {origin}.\n$TTL 300\n@ IN SOA ns.{origin}. hostmaster.{origin}. 1 3600 600 86400 60\n@ IN NS ns.{origin}.\n"
_CONFIGURATION = """
server:
  ip-address: {address}@{port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  minimal-responses: yes
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
_ZONE = 'zone:\n  name: "{origin}"\n  zonefile: "{file}"\n'


def nsd_program() -> str:
    """The path of nsd, or a failure that names the package."""
    found = shutil.which("nsd") or shutil.which("nsd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if found is None:
        pytest.fail("nsd is not installed: install the Debian package nsd (apt-get install nsd)")
    return found


def zone_text(origin: str, records: str) -> str:
    """Zone text: as it is if it has an SOA, else under a SOA (minimum 60) and NS of its own, $TTL 300."""
    return records if " SOA " in records else _HEAD.format(origin=origin) + records + "\n"


@contextmanager
def start_nsd(tmp_path: Path, zones: Mapping[str, str]) -> Iterator[int]:
    """Serve `zones` (origin without final dot to zone text, see `zone_text`) until the block ends; the port."""
    program = nsd_program()
    for _ in range(5):  # another process may take the port first
        port = free_port()
        configuration = _CONFIGURATION.format(address=ADDRESS, port=port, folder=tmp_path)
        for number, (origin, records) in enumerate(zones.items()):
            file = tmp_path / f"zone-{number}.txt"
            file.write_text(zone_text(origin, records))
            configuration += _ZONE.format(origin=origin or ".", file=file)
        (tmp_path / "nsd.conf").write_text(configuration)
        with subprocess.Popen(
            [program, "-d", "-c", str(tmp_path / "nsd.conf")],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as process:
            said = ""
            assert process.stderr is not None
            for line in process.stderr:  # ends when nsd does
                said += line
                if "nsd started" in line:
                    break
            else:
                if "address already in use" in said.lower():
                    continue
                pytest.fail(f"nsd did not start:\n{said}")
            try:
                if "read with errors" in said or "error:" in said:
                    pytest.fail(f"nsd did not take the zones:\n{said}")
                yield port
            finally:
                process.terminate()
                process.stderr.read()  # until all of its processes are gone
            return
    pytest.fail("no free port for nsd")


@pytest.fixture
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Mapping[str, str]], int]]:
    """`nsd(zones)` starts a server for this test and gives its port."""
    with ExitStack() as running:
        yield lambda zones: running.enter_context(start_nsd(tmp_path_factory.mktemp("nsd"), zones))
