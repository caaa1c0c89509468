"""Authentication-Results (RFC 8601): what was checked, for whoever reads the message later.

header = strip_ours(header, "mx.example.org")
field = build("mx.example.org", [of_spf(...), *of_dkim_all(...), of_dmarc(...)])
"""

from postier.mailauth.authentication_results.field import (
    AuthenticationResults,
    MethodResult,
    Property,
    build,
    parse,
    payload,
)
from postier.mailauth.authentication_results.methods import (
    of_arc,
    of_auth,
    of_dkim,
    of_dkim_all,
    of_dmarc,
    of_iprev,
    of_spf,
)
from postier.mailauth.authentication_results.strip import strip_ours

__all__ = [
    "AuthenticationResults",
    "MethodResult",
    "Property",
    "build",
    "of_arc",
    "of_auth",
    "of_dkim",
    "of_dkim_all",
    "of_dmarc",
    "of_iprev",
    "of_spf",
    "parse",
    "payload",
    "strip_ours",
]
