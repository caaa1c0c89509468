"""Random and mutated input for every parser and check of mailauth: `fuzz_mailauth.py [SECONDS] [SEED]`.

Each case must return a result or raise the declared error, within a second. A finding is printed with its input as
Python source, to become a case of the tests.
"""

import argparse
import random
import sys
import time
import traceback

from postier.mailauth import arc, bimi, dkim, dmarc, spf
from postier.mailauth.authentication_results import parse, strip_ours
from postier.mailauth.bimi.logotype import subject_images
from postier.mailauth.bimi.record import parse_selector_field
from postier.mailauth.dane import Tlsa, match
from postier.mailauth.mta_sts import MtaStsError, parse_policy, parse_records
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import (
    NXDOMAIN,
    AddressQuestion,
    Answer,
    Mx,
    MxQuestion,
    PtrQuestion,
    TxtQuestion,
    run,
)
from postier.mailauth.reports import ReportError, report_in, report_of
from postier.mailauth.tlsrpt import parse_records as parse_tlsrpt

TIME_LIMIT_S = 1.0
MAX_OCTETS = 20_000
ALPHABETS = [
    b'()<>@,;:\\"[] \t\r\n.a',
    b"abcdefghijklmnopqrstuvwxyz0123456789=;: \r\n",
    b'%{}slodiphcrtv0123456789.-+,/_=r":; ',
    bytes(range(256)),
]

KEY = dkim.SigningKey("example.com", "s", dkim.generate_key("ed25519"))
RECORD = dkim.key_record(KEY.private.public_key()).encode()
LETTER = b"Authentication-Results: mx.test; arc=none\r\nFrom: Alice <a@example.com>\r\nSubject: x\r\n\r\nHello\r\n\r\n"
SIGNED = dkim.sign(LETTER, [KEY], 1) + LETTER
SEALED = arc.seal(SIGNED, KEY, "mx.test", 1, status=Outcome.NONE, results=[]) + SIGNED
SEEDS = [
    SEALED,
    b"v=spf1 ip4:192.0.2.0/24 a:%{l1r-}.%{d2} mx//64 include:x.test exists:%{ir}.x.test -all exp=e.%{o}",
    RECORD,
    b"v=DMARC1; p=reject; sp=quarantine; np=none; rua=mailto:a@b.test!10m; adkim=s; psd=n; t=y",
    b'mx.test 1 (c); spf=pass reason="x" smtp.mailfrom=a@b.test; dkim=fail header.d=x',
    b"version: STSv1\r\nmode: enforce\r\nmx: *.a.test\r\nmax_age: 1\r\n",
    b"v=STSv1; id=1; v=TLSRPTv1; rua=mailto:a@b.test",
    (
        b"<feedback><report_metadata><report_id>1</report_id><date_range><begin>1</begin><end>2</end></date_range>"
        b"</report_metadata><policy_published><domain>a.test</domain></policy_published><record><row><source_ip>::1"
        b"</source_ip><count>1</count></row><identifiers><header_from>a.test</header_from></identifiers></record>"
        b"</feedback>"
    ),
    (
        b'{"date-range":{"start-datetime":"2024-01-01T00:00:00Z","end-datetime":"2024-01-01T23:59:59Z"},"report-id":"1",'
        b'"policies":[{"policy":{"policy-type":"sts","policy-domain":"a.test"},"summary":'
        b'{"total-successful-session-count":1,"total-failure-session-count":1}}]}'
    ),
    b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nReported-Domain: a.test\r\n",
    b"v=BIMI1; l=https://a.test:8443/x.svg?y; a=https://b.test/v.pem; lps=true; avp=personal; s=x.y",
    b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><title>A</title><g fill="url(#x)"/></svg>',
    bytes.fromhex(
        "303ca23aa0383036303430321609696d6167652f73766730123010300b0609608648016503040201040161301116"
        "0f646174613a696d6167652f7376672c"
    ),
]


class Anything:
    """Answers every question, with the fuzzed bytes wherever bytes are wanted."""

    def __init__(self, data, generator):
        self._data = data
        self._random = generator

    def query(self, question):
        """An answer of the kind that was asked for."""
        if self._random.random() < 0.2:
            return NXDOMAIN
        match question:
            case TxtQuestion():
                return Answer(
                    (
                        self._random.choice(
                            [self._data, RECORD, b"v=spf1 " + self._data, b"v=DMARC1;" + self._data]
                        ),
                    )
                )
            case AddressQuestion():
                return Answer(("192.0.2.1", self._data[:40].decode("latin-1")))
            case MxQuestion():
                return Answer((Mx(1, "a.test"), Mx(2, self._data[:40].decode("latin-1"))))
            case PtrQuestion():
                return Answer(("a.test", self._data[:40].decode("latin-1")))
        return NXDOMAIN


def case(generator):
    """One input: a seed with some damage, or a run of few characters."""
    if generator.random() < 0.3:
        alphabet = generator.choice(ALPHABETS)
        unit = bytes(generator.choices(alphabet, k=generator.randint(1, 4)))
        return unit * generator.randint(1, MAX_OCTETS // len(unit))
    data = bytearray(generator.choice(SEEDS))
    for _ in range(generator.randint(1, 6)):
        place = generator.randint(0, len(data))
        junk = bytes(generator.choices(generator.choice(ALPHABETS), k=generator.randint(0, 8)))
        data[place : place + generator.randint(0, 5)] = junk * generator.choice([1, 1, 1, 50])
    return bytes(data)


def attempt(data, generator):
    """Everything that reads bytes, on these bytes."""
    resolver = Anything(data, generator)
    text = data.decode("utf-8", "replace")
    found = spf.run(spf.check("192.0.2.1", text[:200], text[-100:]), resolver)
    assert all(line.isprintable() for line in found.trace), found.trace
    for message in (data, b"From: " + data, b"DKIM-Signature: " + data):
        results = dkim.run(dkim.verify(message, 1), resolver)
        assert all(line.isprintable() for result in results for line in result.trace)
        dmarc.run(dmarc.check(message, None, results), resolver)
        arc.run(arc.verify(message, 1), resolver)
    dmarc.run(dmarc.explain(text[:200]), resolver)
    arc.seal(data, KEY, "mx.test", 1)
    spf.parse_record(b"v=spf1 " + data)
    dkim.parse_key(data)
    dmarc.parse_record(data)
    parse(data)
    strip_ours(b"Authentication-Results:" + data, "mx.test")
    parse_tlsrpt([data])
    match([Tlsa(2, 0, 0, data), Tlsa(3, 1, 1, data[:32])], [data], ["a.test"], 1)
    for reader in (report_of, report_in):
        try:
            reader(data)
        except ReportError:
            continue
    bimi.strip_fields(b"BIMI-Location:" + data)
    parse_selector_field(data)
    run(bimi.check_domain("a.test", now_s=1, roots=(), local_part=text[:70]), resolver)
    for reader in (
        parse_policy,
        lambda raw: parse_records([raw]),
        lambda raw: bimi.parse_record(b"v=BIMI1;" + raw),
        bimi.read_indicator,
        lambda raw: [image.embedded() for image in subject_images(raw)],
        lambda raw: bimi.verify_evidence(raw, (), domains=None, selector="", now_s=1),
    ):
        try:
            reader(data)
        except (MtaStsError, bimi.BimiError):
            continue


def main(seconds, seed):
    generator = random.Random(seed)
    end = time.monotonic() + seconds
    count = findings = 0
    while time.monotonic() < end:
        data = case(generator)
        start = time.perf_counter()
        try:
            attempt(data, generator)
        except Exception:
            findings += 1
            print(f"raised on {data!r}\n{traceback.format_exc()}")
        if (took := time.perf_counter() - start) > TIME_LIMIT_S:
            findings += 1
            print(f"took {took:.1f} s on {data[:100]!r}... of {len(data)} octets")
        count += 1
    print(f"{count} cases, {findings} findings, seed {seed}")
    return 1 if findings else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(main(given.seconds, given.seed))
