"""Addresses that no domain on the Internet may send our mail to, unless the operator allows it.

Not here: what happens to a host whose addresses are all refused (`mx`). Sources: RFC 6890 registries as Python's
`ipaddress` knows them, RFC 4291 §2.5.5 (mapped), RFC 3056 (6to4), RFC 6052 (NAT64). Invariant: an IPv6 form that
carries an IPv4 address is judged by the address it carries.
"""

import ipaddress
from functools import lru_cache

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1


@lru_cache(maxsize=4096)
def is_public(address: str) -> bool:
    """Whether a connection to this address goes to the public Internet, to one host. Text that is none: False."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        carried = ip.ipv4_mapped or ip.sixtofour
        if carried is None and ip in _NAT64:
            carried = ipaddress.IPv4Address(ip.packed[-4:])
        if carried is not None:
            return carried.is_global and not carried.is_multicast
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
