"""The logo that a domain of ours asserts by BIMI, and the certificate that vouches for it.

Not here: the files themselves (their owner serves them), checking what others assert (`mailauth.bimi`). Source: draft-brand-
indicators-for-message-identification-10 §4.3. Invariant: what is stored parses as an https address.
"""

import msgspec

from postier.accounts.domain_rows import has_domain
from postier.accounts.refusals import InvalidError, NotFoundError
from postier.mailauth.bimi import BimiError, parse_record
from postier.store.transaction import ReadTx, WriteTx


class Logo(msgspec.Struct, frozen=True):
    """The https addresses of the logo and of its mark certificate ("" without one)."""

    location: str
    evidence: str = ""

    @property
    def record_text(self) -> str:
        """The TXT record of `default._bimi.`."""
        return f"v=BIMI1; l={self.location}; a={self.evidence};"


def set_logo(tx: WriteTx, domain: str, logo: Logo | None) -> None:
    """Assert this logo from now on, or none. Raises NotFoundError, or InvalidError for what is no https address."""
    if not has_domain(tx, domain):
        raise NotFoundError(f"there is no domain {domain}")
    if logo is not None:
        try:
            record = parse_record(logo.record_text.encode())
        except BimiError as error:
            raise InvalidError(str(error)) from None
        if record.location is None:
            raise InvalidError("a logo needs an https address")
    location, evidence = ("", "") if logo is None else (logo.location, logo.evidence)
    tx.run("UPDATE domain SET logo = ?, logo_evidence = ? WHERE domain = ?", location, evidence, domain)


def logo_of(tx: ReadTx, domain: str) -> Logo | None:
    """The logo of a domain; None without one."""
    row = tx.row("SELECT logo, logo_evidence FROM domain WHERE domain = ? AND logo <> ''", domain)
    return None if row is None else Logo(*row)
