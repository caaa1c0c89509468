"""The client's address and the addresses it is compared with.

Source: RFC 7208 §5. Invariants: a mapped IPv4 address is IPv4; what is read is cached by its text.
"""

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def client_address(ip: str) -> tuple[int, int, str]:
    """Version, number and text of the client's address; a mapped IPv4 address is IPv4 (RFC 7208 §5)."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address), str(address)


@lru_cache(maxsize=8192)
def address_record(text: str) -> tuple[int, int] | None:
    """Version and number of an address record; None for what is not an address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.version, int(address)
