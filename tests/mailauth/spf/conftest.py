"""A zone written as text, and a check against it."""

import ipaddress

import pytest

from postier.mailauth import spf
from postier.mailauth.questions import (
    NODATA,
    NXDOMAIN,
    TIMEOUT,
    AddressQuestion,
    Answer,
    Mx,
    MxQuestion,
    PtrQuestion,
    TxtQuestion,
)


class Zone:
    """Answers from lines "name TYPE value"; the value TIMEOUT is an error."""

    def __init__(self, text):
        self.records = {}
        self.asked = []
        for line in filter(None, (line.strip() for line in text.splitlines())):
            name, kind, value = line.split(None, 2)
            self.records.setdefault(name.lower(), {}).setdefault(kind, []).append(value)

    def query(self, question):
        self.asked.append(question)
        match question:
            case TxtQuestion(name):
                return self.answer(name, "TXT", lambda value: value.encode())
            case AddressQuestion(name, family):
                return self.answer(name, "A" if family == 4 else "AAAA", str)
            case MxQuestion(name):
                return self.answer(name, "MX", lambda value: Mx(int(value.split()[0]), value.split()[1]))
            case PtrQuestion(ip):
                return self.answer(ipaddress.ip_address(ip).reverse_pointer, "PTR", str)

    def answer(self, name, kind, convert):
        if name not in self.records:
            return NXDOMAIN
        values = self.records[name].get(kind, [])
        if "TIMEOUT" in values:
            return TIMEOUT
        return Answer(tuple(convert(value) for value in values)) if values else NODATA


@pytest.fixture
def ask():
    """ask(zone text, ip, sender, helo) -> SpfResult; `ask.zone` is the last zone."""

    def asking(text, ip="192.0.2.1", sender="alice@example.com", helo="mx.example.com", **options):
        asking.zone = Zone(text)
        return spf.run(spf.check(ip, sender, helo, **options), asking.zone)

    return asking
