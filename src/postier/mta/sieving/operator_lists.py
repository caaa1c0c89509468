"""Lists of the operator, that every account's scripts may ask: files of a folder, each named as its URI, a member on each line.

Not here: who asks (`lists`). Source: RFC 6134 §2.5 (tag URIs), §3. Invariants: a name leads to no other folder; a file is read again when
it has changed; reading and memory are bounded.
"""

from pathlib import Path

import msgspec

from postier.accounts.contacts import member_address
from postier.sieve.problems import RunError
from postier.store.transaction import StoreUnavailableError

MAX_LIST_OCTETS = 1 << 20  # of an operator's list
MAX_LIST_MEMBERS = 20_000  # of an operator's list
MAX_LISTS_REMEMBERED = 50  # of the operator; all are forgotten when there are more
MAX_LIST_NAME_OCTETS = 200  # of a file's name


class Members(msgspec.Struct, frozen=True):
    """An operator's list: what is written by what is compared; `addresses` None: not all are."""

    version: tuple[int, int]
    by_key: dict[str, str]
    addresses: tuple[str, ...] | None


class OperatorLists:
    """The files of a folder, read when a script asks, and again when they have changed. May be called from threads."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._read: dict[str, Members] = {}

    def find(self, uri: str) -> Members | None:
        """The list; None if there is none. Raises StoreUnavailableError, RunError for one that is too large."""
        name = uri.replace("%", "%25").replace("/", "%2F")
        if self.folder is None or len(name.encode()) > MAX_LIST_NAME_OCTETS:
            return None
        path = self.folder / name
        try:
            state = path.stat()
            version = (state.st_mtime_ns, state.st_size)
            known = self._read.get(uri)
            if known is not None and known.version == version:
                return known
            with path.open("rb") as file:
                octets = file.read(MAX_LIST_OCTETS + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:  # RFC 6134 §3: as if the script could not be reached
            raise StoreUnavailableError(f"the list {uri} can't be read: {error.strerror}") from None
        made = _members(octets, version, uri)
        if len(self._read) >= MAX_LISTS_REMEMBERED:
            self._read.clear()
        self._read[uri] = made
        return made


def _members(octets: bytes, version: tuple[int, int], uri: str) -> Members:
    lines = [line.strip() for line in octets.decode("utf-8-sig", "replace").split("\n")]
    written = [line for line in lines if line and not line.startswith("#")]
    if len(octets) > MAX_LIST_OCTETS or len(written) > MAX_LIST_MEMBERS:
        raise RunError(f'the list "{uri[:60]}" is too large')
    addresses = [member_address(line) for line in written]
    by_key = {address or line.lower(): line for line, address in zip(written, addresses, strict=True)}
    all_of_them = tuple(dict.fromkeys(each for each in addresses if each is not None))
    return Members(version, by_key, None if None in addresses else all_of_them)
