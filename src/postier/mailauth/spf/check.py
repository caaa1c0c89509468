"""SPF: may this client send with this identity? One check as a generator.

Not here: what is done about the result (`mta`, `defence`), the Received-SPF field (`spf.received`). Source: RFC 7208 §2.3,
§2.4, §4 to §7, RFC 8616 §4. Invariants: at most `Limits.lookups` terms ask the DNS, each with at most 10 address
questions; includes are a stack of at most that depth; the explanation is printable ASCII. Slightly over 400 lines: one evaluation.
"""

from collections.abc import Iterator, Sequence
from typing import NoReturn

from postier.mailauth.names import canonical, is_within, printable
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import AddressQuestion, Answer, Asking, MxQuestion, PtrQuestion, TxtQuestion
from postier.mailauth.spf.client import address_record, client_address
from postier.mailauth.spf.macros import MacroError, MacroString, parse_explanation, shorten_name
from postier.mailauth.spf.record import MAX_SHOWN, Directive, Kind, Record, RecordError, is_spf, parse_record
from postier.mailauth.spf.result import Limits, SpfResult

MAX_HOSTS = 10  # RFC 7208 §4.6.4: address questions of one mx, ptr or %{p}
MAX_EXPLANATION = 500  # characters; RFC 7208 §6.2 allows a limit, RFC 5321 §4.5.3.1.5 wants lines of 512
MAX_TRACE = 100


_DEFAULT_LIMITS = Limits()


def check(
    ip: str,
    sender: str,
    helo: str,
    *,
    receiver: str = "unknown",
    now: int = 0,
    limits: Limits = _DEFAULT_LIMITS,
) -> Asking[SpfResult]:
    """Check the MAIL FROM identity; with an empty reverse-path that of HELO (RFC 7208 §2.4).

    `ip` is the client's address as text (ValueError if it is none), `sender` the reverse-path without angle
    brackets, `now` seconds since 1970 (only for the %{t} of an explanation).
    """
    if not sender:
        null = _Check(ip, "postmaster", helo, helo, receiver, now, limits, "helo", is_null_sender=True)
        return null.run()
    local, _, domain = sender.rpartition("@")
    check = _Check(
        ip, local or "postmaster", domain, helo, receiver, now, limits, "mailfrom"
    )  # RFC 7208 §4.3
    return check.run()


def check_helo(
    ip: str, helo: str, *, receiver: str = "unknown", now: int = 0, limits: Limits = _DEFAULT_LIMITS
) -> Asking[SpfResult]:
    """Check the HELO identity (RFC 7208 §2.3): the sender is postmaster at that name."""
    return _Check(ip, "postmaster", helo, helo, receiver, now, limits, "helo").run()


class _Stop(Exception):  # noqa: N818 -- it unwinds the evaluation, it is not an error of ours
    def __init__(self, outcome: Outcome, problem: str) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem


class _Frame:
    """A record being evaluated; `waiting` is the include whose target is evaluated above it."""

    __slots__ = ("domain", "record", "terms", "waiting")

    def __init__(self, domain: str, record: Record) -> None:
        self.domain = domain
        self.record = record
        self.terms: Iterator[Directive] = iter(record.directives)
        self.waiting: Directive | None = None


class _Check:
    def __init__(
        self,
        ip: str,
        local: str,
        domain: str,
        helo: str,
        receiver: str,
        now: int,
        limits: Limits,
        identity: str,
        *,
        is_null_sender: bool = False,
    ) -> None:
        self._version, self._number, self._ip = client_address(ip)
        self._local = local
        self._domain = domain
        self._helo = helo
        self._receiver = receiver
        self._now = now
        self._limits = limits
        self._identity = identity
        self._is_null_sender = is_null_sender
        self._lookups = 0
        self._voids = 0
        self._trace: list[str] = []
        self._missed: list[str] = []  # terms of the current record that did not match, not in the trace yet
        self._names: tuple[str, ...] | None = None  # of the client, from PTR

    # -- the whole check ------------------------------------------------------------------

    def run(self) -> Asking[SpfResult]:
        domain = canonical(self._domain)
        if domain is None or "." not in domain:  # RFC 7208 §4.3
            problem = f"{printable(self._domain, 80)!r} is not a domain name of several labels"
            return self._result(Outcome.NONE, problem=problem)
        self._domain = domain if not self._domain.isascii() else self._domain
        mechanism = explanation = problem = ""
        try:
            outcome, mechanism, frame = yield from self._evaluate(domain)
        except _Stop as stop:
            outcome, problem, frame = stop.outcome, stop.problem, None
        if outcome is Outcome.FAIL and frame is not None and frame.record.explanation is not None:
            explanation = yield from self._explain(frame.record.explanation, frame.domain)
            if explanation:
                self._note(f"the domain explains: {explanation}")
        return self._result(outcome, mechanism, explanation, problem)

    def _result(
        self, outcome: Outcome, mechanism: str = "", explanation: str = "", problem: str = ""
    ) -> SpfResult:
        if problem:
            self._note(problem)
        return SpfResult(
            outcome,
            canonical(self._domain) or printable(self._domain),
            self._identity,
            mechanism,
            explanation,
            problem,
            self._lookups,
            self._voids,
            tuple(self._trace),
            self._is_null_sender,
        )

    def _evaluate(self, domain: str) -> Asking[tuple[Outcome, str, _Frame | None]]:
        """RFC 7208 §4.6 with includes on a stack; raises _Stop for temperror and permerror."""
        record = yield from self._fetch(domain)
        if record is None:
            self._note(f"{domain} publishes no SPF record")
            return Outcome.NONE, "", None
        stack: list[_Frame] = []
        frame = _Frame(domain, record)
        while True:
            term = next(frame.terms, None)
            if term is None:
                if frame.record.redirect is not None:
                    frame = yield from self._redirect(frame)
                    continue
                outcome, mechanism = Outcome.NEUTRAL, ""  # RFC 7208 §4.7
                self._note(f"{frame.domain}: nothing matches: neutral")
            elif term.kind is Kind.INCLUDE:
                opened = yield from self._include(term, frame)
                if opened is not None:
                    stack.append(frame)
                    frame = opened
                continue
            else:
                matched = self._compare(term)
                if matched is None:
                    matched = yield from self._ask(term, frame.domain)
                if not matched:
                    self._missed.append(term.text)
                    continue
                outcome, mechanism = term.qualifier, term.text
                self._note(f"{frame.domain}: {printable(term.text, 80)} matches: {outcome}")
            while stack:  # RFC 7208 §5.2: an included pass is a match, everything else is not
                frame = stack.pop()
                include = frame.waiting
                assert include is not None
                if outcome is not Outcome.PASS:
                    self._missed.append(include.text)
                    break
                outcome, mechanism = include.qualifier, include.text
                self._note(f"{frame.domain}: {printable(include.text, 80)} matches: {outcome}")
            else:
                return outcome, mechanism, frame

    # -- records --------------------------------------------------------------------------

    def _fetch(self, domain: str) -> Asking[Record | None]:
        """The record of a domain, None without one (RFC 7208 §4.4, §4.5)."""
        answer = yield TxtQuestion(domain)
        if answer.is_error:
            self._stop(
                Outcome.TEMPERROR, f"the TXT records of {domain} cannot be had ({answer.status.value})"
            )
        found = [text for text in answer.records if is_spf(text)]
        if not found:
            return None
        if len(found) > 1:
            self._stop(Outcome.PERMERROR, f"{domain} publishes {len(found)} SPF records")
        record = parse_record(found[0])
        if isinstance(record, RecordError):
            self._note(f"{domain} publishes {printable(found[0].decode('utf-8', 'replace'), MAX_SHOWN)}")
            self._stop(Outcome.PERMERROR, f"the SPF record of {domain} is wrong: {record}")
        self._note(f"{domain} publishes {record.text}")
        return record

    def _include(self, term: Directive, frame: _Frame) -> Asking[_Frame | None]:
        """The frame of the included record; None when the term cannot match."""
        assert term.spec is not None
        self._count(term.text)
        if self._is_unmatchable(term.spec):
            self._missed.append(term.text)
            return None
        target = yield from self._target(term.spec, frame.domain)
        if target is not None:
            self._note(f"{frame.domain}: looks into {target}")
        record = None if target is None else (yield from self._fetch(target))
        if record is None or target is None:  # RFC 7208 §5.2: none is a permerror
            self._stop(Outcome.PERMERROR, f"{printable(term.text, 80)} leads to no SPF record")
        frame.waiting = term
        return _Frame(target, record)

    def _redirect(self, frame: _Frame) -> Asking[_Frame]:
        """The frame that replaces this one (RFC 7208 §6.1)."""
        spec = frame.record.redirect
        assert spec is not None
        self._count("redirect")
        if self._is_unmatchable(spec):
            return _Frame(frame.domain, _EMPTY)
        target = yield from self._target(spec, frame.domain)
        if target is not None:
            self._note(f"{frame.domain}: redirects to {target}")
        record = None if target is None else (yield from self._fetch(target))
        if record is None or target is None:
            self._stop(Outcome.PERMERROR, f"redirect of {frame.domain} leads to no SPF record")
        return _Frame(target, record)

    # -- mechanisms -----------------------------------------------------------------------

    def _compare(self, term: Directive) -> bool | None:
        """Mechanisms that need no question; None for the others."""
        kind = term.kind
        if kind is Kind.IP4:
            return self._version == 4 and self._number & term.mask == term.network
        if kind is Kind.IP6:
            return self._version == 6 and self._number & term.mask == term.network
        return True if kind is Kind.ALL else None

    def _ask(self, term: Directive, domain: str) -> Asking[bool]:
        """a, mx, ptr, exists."""
        self._count(term.text)
        if term.spec is None:
            target: str | None = domain
        elif self._is_unmatchable(term.spec):
            return False
        else:
            target = yield from self._target(term.spec, domain)
        if target is None:  # RFC 7208 §4.8 leaves a malformed name open: it does not match
            self._note(f"{printable(term.text, 80)} expands to no domain name: no match")
            return False
        if term.kind is Kind.MX:
            return (yield from self._mx(term, target))
        if term.kind is Kind.PTR:
            return (yield from self._ptr(target))
        if term.kind is Kind.EXISTS:  # RFC 7208 §5.7: A even for IPv6 clients
            answer = yield AddressQuestion(target, 4)
            self._judge(answer, term.text)
            self._note(f"{target} {'does not exist' if answer.is_void else 'exists'}")
            return not answer.is_void
        return (yield from self._a(term, target))

    def _a(self, term: Directive, target: str) -> Asking[bool]:
        answer = yield AddressQuestion(target, 4 if self._version == 4 else 6)
        self._judge(answer, term.text)
        self._note(f"{target} has {_listed(answer.records, 'the address', 'no address')}")
        return self._is_among(answer, term)

    def _mx(self, term: Directive, target: str) -> Asking[bool]:
        answer = yield MxQuestion(target)
        self._judge(answer, term.text)
        if len(answer.records) > MAX_HOSTS:  # RFC 7208 §4.6.4
            self._stop(Outcome.PERMERROR, f"{target} has more than {MAX_HOSTS} MX records")
        hosts = [mx.exchange for mx in answer.records]
        self._note(f"{target} has {_listed(hosts, 'the mail host', 'no mail host')}")
        for mx in answer.records:
            host = canonical(mx.exchange)
            if host is not None and (yield from self._a(term, host)):
                return True
        return False

    def _ptr(self, target: str) -> Asking[bool]:
        """RFC 7208 §5.5; names outside the target are passed over before they are validated (eid5227)."""
        names = yield from self._client_names()
        for name in names:
            if is_within(name, target) and (yield from self._is_validated(name)):
                return True
        return False

    def _client_names(self) -> Asking[tuple[str, ...]]:
        """The first names the client's address points to; none after a DNS error (RFC 7208 §5.5)."""
        if self._names is None:
            answer = yield PtrQuestion(self._ip)
            if answer.is_void:
                self._count_void("the reverse name of the client")
            found = (canonical(name) for name in answer.records[:MAX_HOSTS])
            self._names = tuple(name for name in found if name is not None)
            self._note(f"{self._ip} has {_listed(self._names, 'the reverse name', 'no reverse name')}")
        return self._names

    def _is_validated(self, name: str) -> Asking[bool]:
        answer = yield AddressQuestion(name, 4 if self._version == 4 else 6)
        return any(address_record(text) == (self._version, self._number) for text in answer.records)

    def _is_among(self, answer: Answer, term: Directive) -> bool:
        shift = 32 - term.prefix_4 if self._version == 4 else 128 - term.prefix_6
        wanted = (self._version, self._number >> shift)
        return any(
            (found[0], found[1] >> shift) == wanted
            for text in answer.records
            if (found := address_record(text))
        )

    # -- names and macros -----------------------------------------------------------------

    def _is_unmatchable(self, spec: MacroString) -> bool:
        """RFC 8616 §4: terms with %{s} or %{l} match nothing when the local part is not ASCII."""
        return not self._local.isascii() and not spec.letters.isdisjoint("sl")

    def _target(self, spec: MacroString, domain: str) -> Asking[str | None]:
        """The target-name; None when the expansion is no domain name."""
        if spec.literal is not None:
            return canonical(spec.literal)
        text = yield from self._expand(spec, domain)
        return canonical(shorten_name(text))

    def _expand(self, spec: MacroString, domain: str) -> Asking[str]:
        letters = spec.letters
        values = {"d": domain, "l": self._local, "o": self._domain, "s": f"{self._local}@{self._domain}"}
        values |= {"h": self._helo, "r": self._receiver, "t": str(self._now), "c": self._ip}
        if "i" in letters or "v" in letters:
            if self._version == 4:
                values |= {"i": self._ip, "v": "in-addr"}
            else:
                # upper case as the public RFC 7208 test suite expects it in explanations; the DNS has no case
                values |= {"i": ".".join(f"{self._number:032X}"), "v": "ip6"}
        if "p" in letters:
            values["p"] = yield from self._validated_name(domain)
        return spec.expand(values)

    def _validated_name(self, domain: str) -> Asking[str]:
        """%{p}: the domain itself, else a name below it, else any validated one, else "unknown" (§7.3)."""
        if self._names is None:
            self._count("%{p}")  # RFC 7208 §4.6.4 counts it like ptr
        names = yield from self._client_names()
        for name in sorted(names, key=lambda name: (name != domain, not is_within(name, domain))):
            if (yield from self._is_validated(name)):
                return name
        return "unknown"

    def _explain(self, spec: MacroString, domain: str) -> Asking[str]:
        """RFC 7208 §6.2; "" whenever anything about it is wrong. Not counted against the limits."""
        try:
            target = yield from self._target(spec, domain)
            if target is None:
                return ""
            answer = yield TxtQuestion(target)
            if len(answer.records) != 1:
                return ""
            text = yield from self._expand(parse_explanation(answer.records[0].decode("ascii")), domain)
        except (_Stop, MacroError, UnicodeDecodeError):
            return ""
        return printable(text, MAX_EXPLANATION)

    # -- costs and trace ------------------------------------------------------------------

    def _count(self, term: str) -> None:
        self._lookups += 1
        if self._lookups > self._limits.lookups:
            self._stop(
                Outcome.PERMERROR,
                f"more than {self._limits.lookups} terms ask the DNS (at {printable(term, 60)})",
            )

    def _judge(self, answer: Answer, term: str) -> None:
        """RFC 7208 §5: an error ends the check with temperror; a void answer is counted."""
        if answer.is_error:
            self._stop(
                Outcome.TEMPERROR, f"{printable(term, 80)} cannot be looked up ({answer.status.value})"
            )
        if answer.is_void:
            self._count_void(term)

    def _count_void(self, term: str) -> None:
        self._voids += 1
        if self._voids > self._limits.void_lookups:
            self._stop(
                Outcome.PERMERROR,
                f"more than {self._limits.void_lookups} look-ups find nothing (at {printable(term, 60)})",
            )

    def _note(self, words: str) -> None:
        if len(self._trace) >= MAX_TRACE:
            del self._trace[MAX_TRACE // 2]  # how it began and how it ended tell most
        if self._missed:
            terms = f"no match by {', '.join(self._missed)}"
            self._missed.clear()
            self._trace.append(terms if len(terms) <= MAX_SHOWN else f"{terms[: MAX_SHOWN - 3]}...")
        self._trace.append(words)

    def _stop(self, outcome: Outcome, problem: str) -> NoReturn:
        raise _Stop(outcome, problem)


def _listed(values: Sequence[str], what: str, none: str) -> str:
    """Names or addresses of an answer in words."""
    if not values:
        return none
    shown = printable(", ".join(str(value) for value in values[:MAX_HOSTS]), MAX_SHOWN)
    return f"{what} {shown}" if len(values) == 1 else f"{what}{'es' if what.endswith('s') else 's'} {shown}"


_EMPTY = Record((), None, None)
