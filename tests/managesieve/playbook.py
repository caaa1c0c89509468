"""The owner of a session for these tests: one account, scripts in a dict; scripts that hold "bad" are wrong."""

from postier.managesieve.answers import Answer, Code, literal, no, string
from postier.managesieve.events import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStarted,
    ScriptActivated,
    ScriptDeleted,
    ScriptOffered,
    ScriptPut,
    ScriptRenamed,
    ScriptsListed,
    ScriptWanted,
    SpaceAsked,
    TlsRequested,
)
from postier.managesieve.session import Session
from postier.managesieve.settings import SessionSettings
from postier.sasl.exchange import Challenge, Credentials
from postier.sasl.mechanisms import Mechanism, server_exchange

SETTINGS = SessionSettings(
    "mx.alpha.test",
    extensions=("fileinto", "vacation"),
    max_redirects=8,
    max_script_octets=1000,
    is_plaintext_login_allowed=True,
    mechanisms=("PLAIN", "LOGIN"),
)
LOGIN = b'AUTHENTICATE "PLAIN" "AGFsaWNlQGFscGhhLnRlc3QAc2VjcmV0"\r\n'  # alice@alpha.test, secret


class Owner:
    def __init__(self, settings=SETTINGS):
        self.session = Session(settings)
        self.out = b""
        self.events = []
        self.scripts = {}
        self.active = ""
        self.exchange = None
        self.is_closed = False
        self.greeting = self.session.greet()

    def feed(self, data):
        self.session.receive(data)
        self.run()

    def say(self, data):
        """Feed, and give what was answered to it."""
        self.out = b""
        self.feed(data)
        return self.out

    def run(self):
        while True:
            event = self.session.next_event()
            if event is NEED_DATA or event is PAUSED or event is CLOSED:
                self.out += self.session.take_output()
                self.is_closed = event is CLOSED
                return
            self.events.append(event)
            self.out += self.session.take_output() + self.decide(event)

    def decide(self, event):
        session = self.session
        match event:
            case TlsRequested():
                return session.accept_tls()
            case AuthStarted(mechanism, initial):
                self.exchange = server_exchange(Mechanism(mechanism), "")
                return self.step(self.exchange.start(initial))
            case AuthResponse(data):
                return self.step(self.exchange.step(data))
            case (
                SpaceAsked()
                | ScriptPut()
                | ScriptOffered()
                | ScriptsListed()
                | ScriptActivated()
                | ScriptWanted()
            ):
                return session.answer(self.answer(event))
            case ScriptDeleted() | ScriptRenamed():
                return session.answer(self.answer(event))
        return b""

    def step(self, step):
        if isinstance(step, Challenge):
            return self.session.challenge(step.data)
        if isinstance(step, Credentials) and (step.authcid, step.password) == ("alice@alpha.test", "secret"):
            return self.session.authenticated(step.authcid)
        return self.session.answer(no("the name or the password is wrong"))

    def answer(self, event):
        missing = no("no such script", Code.NONEXISTENT)
        match event:
            case ScriptPut(_, content) | ScriptOffered(content) if b"bad" in content:
                return no("line 1: bad\r\nline 2: worse")
            case ScriptPut(name, content):
                self.scripts[name] = content
            case ScriptsListed():
                lines = [
                    string(name.encode()) + (b" ACTIVE" if name == self.active else b"") + b"\r\n"
                    for name in sorted(self.scripts)
                ]
                return Answer(data=b"".join(lines))
            case ScriptActivated(name):
                if name and name not in self.scripts:
                    return missing
                self.active = name
            case ScriptWanted(name):
                if name not in self.scripts:
                    return missing
                return Answer(data=literal(self.scripts[name]) + b"\r\n")
            case ScriptDeleted(name):
                if name == self.active:
                    return no("it is active", Code.ACTIVE)
                if self.scripts.pop(name, None) is None:
                    return missing
            case ScriptRenamed(old, new):
                if old not in self.scripts:
                    return missing
                self.scripts[new] = self.scripts.pop(old)
        return Answer()


def logged_in(settings=SETTINGS):
    owner = Owner(settings)
    assert owner.say(LOGIN) == b'OK "Logged in"\r\n'
    owner.events.clear()
    return owner
