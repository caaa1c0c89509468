"""Proof of origin: SPF, DKIM, DMARC, ARC, MTA-STS, DANE, TLS-RPT as generators that ask and are answered.

Library face: `from postier.mailauth import spf, dkim, dmarc, arc`; every check is a generator which yields
the questions of `questions.py` and is sent an `Answer`; `questions.run(check, resolver)` drives one with any
object that has `query(question) -> Answer`. Not here: DNS, sockets, clocks (`dns`, `mta`, `app`).
"""
