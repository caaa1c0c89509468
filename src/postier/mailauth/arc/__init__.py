"""ARC (RFC 8617): what did the hosts on the way see, and are their seals intact?

result = questions.run(arc.verify(message, now), resolver)
fields = arc.seal(message, key, "mx.example.org", now, status=result.result, results=[...])
"""

from postier.mailauth.arc.chain import Validation, verify
from postier.mailauth.arc.result import ArcResult
from postier.mailauth.arc.seal import seal
from postier.mailauth.arc.sets import MAX_SETS
from postier.mailauth.dkim.sign import SigningKey
from postier.mailauth.questions import run

__all__ = ["MAX_SETS", "ArcResult", "SigningKey", "Validation", "run", "seal", "verify"]
