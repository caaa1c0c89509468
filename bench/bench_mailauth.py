"""What the checks of mailauth cost: one JSON object on stdout; microseconds, best of several, and ratios.

Baselines: the bare SHA-256 of the body plus the bare RSA verification by cryptography, dkimpy, pyspf.
"""

import hashlib
import json
import time

import dkim as dkimpy
import spf as pyspf
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from postier.mailauth import arc, bimi, dkim, dmarc, spf
from postier.mailauth.authentication_results import build, of_dkim, of_dmarc, of_spf
from postier.mailauth.dkim.signature import without_value
from postier.mailauth.dkim.verify import SignedHeader
from postier.mailauth.letter import Letter
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import StaticResolver

NOW = 1_704_067_200
LINE = b"the quick brown fox jumps over the lazy dog while the others look on\r\n"
HEADER = (
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example with ESMTPS id 1;\r\n"
    b"\tMon, 1 Jan 2024 00:00:00 +0000\r\nFrom: Alice <alice@example.com>\r\nTo: Carole <carole@beta.test>\r\n"
    b"Subject: A subject line here\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
)
NETWORKS = b" ".join(b"ip4:198.%d.0.0/16" % index for index in range(12))
ZONE = {
    "example.com": b"v=spf1 include:_a.test include:_b.test include:_c.test -all",
    "_a.test": b"v=spf1 %s ~all" % NETWORKS,
    "_b.test": b"v=spf1 %s ~all" % NETWORKS,
    "_c.test": b"v=spf1 %s ip4:192.0.2.0/24 ~all" % NETWORKS,
    "_dmarc.example.com": b"v=DMARC1; p=reject; rua=mailto:a@example.com",
    "default._bimi.example.com": b"v=BIMI1; l=https://example.com/logo.svg;",
}


def best(function, number=2_000):
    """Microseconds of the fastest call."""
    fastest = float("inf")
    for _ in range(number):
        start = time.perf_counter_ns()
        function()
        fastest = min(fastest, time.perf_counter_ns() - start)
    return round(fastest / 1_000, 1)


def dkim_figures(name, size, key, zone, *, simple=False):
    message = HEADER + LINE * (size // len(LINE))
    if simple:
        pem = dkim.private_pem(key.private)
        signed = (
            dkimpy.sign(message, b"s", b"example.com", pem, canonicalize=(b"relaxed", b"simple")) + message
        )
    else:
        signed = dkim.sign(message, [key], NOW) + message
    now = 10**11 if simple else NOW
    (result,) = dkim.run(dkim.verify(signed, now), zone)
    assert result.result is Outcome.PASS, result
    letter = Letter.parse(signed)
    names = [entry.encode() for entry in result.signed]
    data = SignedHeader(letter.fields).data(names, dkim.Canon.RELAXED, without_value(letter.fields[0].raw))
    public, body = key.private.public_key(), bytes(letter.body[0])
    record = dkim.key_record(public).encode()

    def bare():
        hashlib.sha256(body).digest()
        public.verify(result.signature, data, PKCS1v15(), SHA256())

    ours = best(lambda: dkim.run(dkim.verify(signed, now), zone))
    bare_us = best(bare)
    theirs = best(lambda: dkimpy.verify(signed, dnsfunc=lambda *_args, **_options: record), 100)
    return {
        f"{name}_us": ours,
        f"{name}_bare_us": bare_us,
        f"{name}_to_bare": round(ours / bare_us, 2),
        f"{name}_dkimpy_us": theirs,
        f"{name}_times_faster_than_dkimpy": round(theirs / ours, 1),
    }


def spf_figures(zone):
    def lookup(name, kind, **_options):
        return [((name, kind), (ZONE[name],))] if kind == "TXT" and name in ZONE else []

    pyspf.DNSLookup = lambda name, kind, *_args, **_options: lookup(name, kind)
    ours = best(lambda: spf.run(spf.check("192.0.2.1", "a@example.com", "mx.test"), zone))
    theirs = best(
        lambda: pyspf.query(i="192.0.2.1", s="a@example.com", h="mx.test", querytime=0).check(), 200
    )
    return {
        "spf_three_includes_us": ours,
        "spf_pyspf_us": theirs,
        "spf_times_faster_than_pyspf": round(theirs / ours, 1),
    }


def main():
    key = dkim.SigningKey("example.com", "s", dkim.generate_key())
    ed = dkim.SigningKey("example.com", "ed", dkim.generate_key("ed25519"))
    records = {
        f"{one.selector}._domainkey.example.com": dkim.key_record(one.private.public_key()).encode()
        for one in (key, ed)
    }
    zone = StaticResolver.of_txt(ZONE | records)
    figures = dkim_figures("dkim_4k_relaxed", 4_096, key, zone)
    figures |= dkim_figures("dkim_50k_relaxed", 51_200, key, zone)
    figures |= dkim_figures("dkim_50k_simple", 51_200, key, zone, simple=True)
    figures |= spf_figures(zone)
    message = HEADER + LINE * 58
    figures["dkim_sign_rsa_us"] = best(lambda: dkim.sign(message, [key], NOW), 200)
    figures["dkim_sign_rsa_and_ed25519_us"] = best(lambda: dkim.sign(message, [key, ed], NOW), 200)
    signed = dkim.sign(message, [key], NOW) + message
    letter = Letter.parse(signed)
    proofs = dkim.run(dkim.verify(signed, NOW), zone)
    sender = spf.run(spf.check("192.0.2.1", "a@example.com", "mx.test"), zone)
    verdict = dmarc.run(dmarc.check(letter, sender, proofs), zone)
    figures["dmarc_us"] = best(lambda: dmarc.run(dmarc.check(letter, sender, proofs), zone))
    figures["bimi_claim_us"] = best(lambda: dmarc.run(bimi.claim_of(letter, verdict, proofs), zone))
    figures["bimi_strip_fields_us"] = best(lambda: bimi.strip_fields(signed))
    entries = [
        of_spf(sender, ip="192.0.2.1", sender="a@example.com", helo="mx.test"),
        of_dkim(proofs[0]),
        of_dmarc(verdict),
    ]
    figures["authentication_results_us"] = best(lambda: build("mx.test", entries))
    sealed = arc.seal(signed, key, "mx.test", NOW, status=Outcome.NONE, results=entries) + signed
    figures["arc_verify_one_set_us"] = best(lambda: arc.run(arc.verify(sealed, NOW), zone))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
