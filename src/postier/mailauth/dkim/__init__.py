"""DKIM (RFC 6376, 8301, 8463): who vouches for this message with a signature?

results = questions.run(dkim.verify(message, now), resolver)     # one DkimResult a signature
fields = dkim.sign(message, [dkim.SigningKey(domain, selector, private_key)], now)
"""

from postier.mailauth.dkim.canonical import Canon
from postier.mailauth.dkim.keys import (
    DEFAULT_RSA_BITS,
    Key,
    PrivateKey,
    PublicKey,
    generate_key,
    key_record,
    load_private_key,
    parse_key,
    private_pem,
    zone_text,
)
from postier.mailauth.dkim.result import DkimResult
from postier.mailauth.dkim.sign import OVERSIGNED, SIGNED, SigningKey, sign
from postier.mailauth.dkim.signature import Problem
from postier.mailauth.dkim.verify import MAX_SIGNATURES, Verification, verify
from postier.mailauth.letter import Letter
from postier.mailauth.questions import run

__all__ = [
    "DEFAULT_RSA_BITS",
    "MAX_SIGNATURES",
    "OVERSIGNED",
    "SIGNED",
    "Canon",
    "DkimResult",
    "Key",
    "Letter",
    "PrivateKey",
    "Problem",
    "PublicKey",
    "SigningKey",
    "Verification",
    "generate_key",
    "key_record",
    "load_private_key",
    "parse_key",
    "private_pem",
    "run",
    "sign",
    "verify",
    "zone_text",
]
