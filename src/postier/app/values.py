"""The kinds of values a setting can have: how each is read from TOML or the environment and written again.

Not here: which settings exist (`settings`), where they come from (`configuration`). Invariant: for every kind,
`read_value(kind, write_value(kind, v)) == v`; what cannot be read raises ValueError saying what was expected.
"""

import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import assert_never

import msgspec

from postier.accounts.names import login_address
from postier.mime.address import parse_domain
from postier.tls.https_service import service_url

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DNS_PORT = 53
MAX_PORT = 65535
MAX_INTEGER = 2**63 - 1  # what TOML promises


class Kind(enum.Enum):
    """What a setting's value is."""

    TEXT = "text"
    HOSTNAME = "host name"
    INTEGER = "number"
    SIZE = "size"
    DURATION = "duration"
    BOOLEAN = "true or false"
    PATH = "path"
    CHOICE = "choice"
    BIND = "address and port"
    RESOLVER = "address of a DNS server"
    NETWORK = "network"
    ADDRESS = "mail address"
    URL = "URL"
    SECRET = "secret"  # noqa: S105 # the name of a kind


EXPECTED: dict[Kind, str] = {
    Kind.TEXT: 'text in quotes, such as "mail"',
    Kind.HOSTNAME: 'a host name, such as "mx.example.org"',
    Kind.INTEGER: "a whole number, such as 100",
    Kind.SIZE: 'a size, such as "50M" (K, M, G, T are powers of 1024) or a number of bytes',
    Kind.DURATION: 'a duration, such as "30s", "5m", "1h30m", "5d", or a number of seconds',
    Kind.BOOLEAN: "true or false",
    Kind.PATH: 'a path in quotes, such as "tls.crt"',
    Kind.CHOICE: "one of the listed words",
    Kind.BIND: 'an address and port, such as "127.0.0.1:25", "[::1]:25" or "*:25"',
    Kind.RESOLVER: 'an IP address, such as "127.0.0.1" or "[::1]:5353"',
    Kind.NETWORK: 'a network, such as "192.0.2.0/24" or "2001:db8::/32"',
    Kind.ADDRESS: 'the mail address of an account, such as "submit@example.org"',
    Kind.SECRET: "text in quotes; better a file that only this server can read",
    Kind.URL: 'an https URL, such as "https://login.example.org/keys"',
}

_SIZE = re.compile(r"(\d{1,19})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_SIZE_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DURATION = re.compile(r"(?:\d{1,19}[wdhms]){1,5}", re.IGNORECASE | re.ASCII)
_DURATION_PART = re.compile(r"(\d+)([wdhms])", re.IGNORECASE | re.ASCII)
_DURATION_FACTORS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_INTEGER = re.compile(r"-?\d{1,19}", re.ASCII)
_ENDPOINT = re.compile(r"(?:\[([^\]\[]+)\]|([^:\[\]]+)):(\d{1,5})", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._*-]{1,255}", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


class Endpoint(msgspec.Struct, frozen=True, order=True):
    """A host (address, name, or `*` for every address of this machine) and a port; 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_value(
    kind: Kind, raw: object, *, folder: Path | None = None, choices: type[enum.Enum] | None = None
) -> object:
    """The typed value of `raw` (a TOML scalar, or text of the environment); raises ValueError: what is expected.

    Relative paths are taken below `folder`. A number or boolean may also stand as text.
    """
    if kind is Kind.CHOICE:
        return _read_choice(raw, choices)
    if kind is Kind.PATH:
        if not isinstance(raw, str) or not raw or "\0" in raw:
            raise ValueError(f"expected {EXPECTED[kind]}")
        return (folder / raw) if folder is not None else Path(raw)
    value = _READERS[kind](raw)
    if value is None:
        raise ValueError(f"expected {EXPECTED[kind]}")
    return value


def write_value(kind: Kind, value: object) -> str:
    """The value as TOML text that `read_value` reads back."""
    match kind:
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.INTEGER:
            return str(value)
        case Kind.SIZE if isinstance(value, int):
            return _scaled(value, [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)])
        case Kind.DURATION if isinstance(value, int):
            return _scaled(value, [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)])
        case Kind.CHOICE if isinstance(value, enum.Enum):
            return toml_text(str(value.value))
        case (
            Kind.TEXT | Kind.HOSTNAME | Kind.PATH | Kind.BIND | Kind.RESOLVER | Kind.NETWORK | Kind.SIZE | Kind.DURATION
            | Kind.CHOICE | Kind.ADDRESS | Kind.URL
            | Kind.SECRET
        ):  # fmt: skip
            return toml_text(str(value))
        case _:
            assert_never(kind)


def toml_text(text: str) -> str:
    """`text` as a TOML basic string; the escapes of JSON are also TOML's."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _read_choice(raw: object, choices: type[enum.Enum] | None) -> enum.Enum:
    assert choices is not None
    for choice in choices:
        if raw == choice.value:
            return choice
    raise ValueError("expected one of " + ", ".join(f'"{choice.value}"' for choice in choices))


def _read_text(raw: object) -> str | None:
    return raw if isinstance(raw, str) and raw and "\0" not in raw else None


def _read_hostname(raw: object) -> str | None:
    if not isinstance(raw, str) or raw.startswith("["):
        return None
    try:
        return parse_domain(raw)
    except ValueError:
        return None


def _read_integer(raw: object) -> int | None:
    if isinstance(raw, str):
        return int(raw) if _INTEGER.fullmatch(raw) else None
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= MAX_INTEGER else None


def _read_size(raw: object) -> int | None:
    if isinstance(raw, str):
        found = _SIZE.fullmatch(raw.strip())
        if not found:
            return None
        size = int(found[1]) * _SIZE_FACTORS[found[2].lower()]
        return size if size <= MAX_INTEGER else None
    size_bytes = _read_integer(raw)
    return size_bytes if size_bytes is not None and size_bytes >= 0 else None


def _read_duration(raw: object) -> int | None:
    if isinstance(raw, str) and not raw.isdigit():
        if not _DURATION.fullmatch(raw):
            return None
        return sum(
            int(count) * _DURATION_FACTORS[unit.lower()] for count, unit in _DURATION_PART.findall(raw)
        )
    seconds = _read_integer(raw)
    return seconds if seconds is not None and seconds >= 0 else None


def _read_boolean(raw: object) -> bool | None:
    if isinstance(raw, str):
        return _BOOLEANS.get(raw.lower())
    return raw if isinstance(raw, bool) else None


def _read_bind(raw: object) -> Endpoint | None:
    found = _ENDPOINT.fullmatch(raw) if isinstance(raw, str) else None
    if not found or int(found[3]) > MAX_PORT:
        return None
    if found[1] is not None:
        return Endpoint(found[1], int(found[3])) if _is_ip(found[1], 6) else None
    host = found[2]
    if not _HOST.fullmatch(host) or ("*" in host and host != "*"):
        return None
    return Endpoint(host, int(found[3]))


def _read_resolver(raw: object) -> Endpoint | None:
    if not isinstance(raw, str):
        return None
    if _is_ip(raw):
        return Endpoint(raw, DNS_PORT)
    endpoint = _read_bind(raw if not raw.endswith("]") else f"{raw}:{DNS_PORT}")
    return endpoint if endpoint is not None and _is_ip(endpoint.host) and endpoint.port else None


def _read_network(raw: object) -> Network | None:
    if not isinstance(raw, str):
        return None
    try:
        return ipaddress.ip_network(raw)
    except ValueError:
        return None


def _read_address(raw: object) -> str | None:
    address = login_address(raw) if isinstance(raw, str) else None
    return None if address is None else str(address)


def _read_url(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        service_url(raw)
    except ValueError:
        return None
    return raw


def _is_ip(text: str, version: int | None = None) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return version is None or address.version == version


def _scaled(value: int, units: list[tuple[str, int]]) -> str:
    for suffix, factor in units:
        if value and value % factor == 0:
            return toml_text(f"{value // factor}{suffix}")
    return str(value)


_READERS: Mapping[Kind, Callable[[object], object]] = {
    Kind.TEXT: _read_text,
    Kind.HOSTNAME: _read_hostname,
    Kind.INTEGER: _read_integer,
    Kind.SIZE: _read_size,
    Kind.DURATION: _read_duration,
    Kind.BOOLEAN: _read_boolean,
    Kind.BIND: _read_bind,
    Kind.RESOLVER: _read_resolver,
    Kind.NETWORK: _read_network,
    Kind.ADDRESS: _read_address,
    Kind.URL: _read_url,
    Kind.SECRET: _read_text,
}
