"""A script for the client's dialogue: what the server says, what must be said, what must have happened."""

from postier.smtp.client_events import DialogueSettings
from postier.smtp.dialogue import Dialogue
from postier.smtp.events import Signal

SETTINGS = DialogueSettings("me.test")
EHLO = "250-mx.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 STARTTLS\r\n"


class Playbook:
    """Chains: `hears` server octets (in pieces of `step`), `says` what must be sent, `sees` what must have happened."""

    def __init__(self, settings=SETTINGS, step=None):
        self.dialogue = Dialogue(settings)
        self.step = step
        self.out = b""
        self.seen = []
        self.run()

    def run(self):
        while True:
            event = self.dialogue.next_event()
            if isinstance(event, Signal):
                self.signal = event
                self.out += self.dialogue.take_output()
                return self
            self.seen.append(event)

    def hears(self, text):
        data = text.encode()
        step = self.step or len(data) or 1
        for at in range(0, len(data), step):
            self.dialogue.receive(data[at : at + step])
            self.run()
        return self

    def loses(self):
        self.dialogue.receive_eof()
        return self.run()

    def does(self, octets):
        self.out += octets
        return self.run()

    def says(self, text):
        assert self.out.decode() == text
        self.out = b""
        return self

    def sees(self, *kinds):
        assert [type(event) for event in self.seen] == list(kinds), self.seen
        self.last = self.seen[-1] if self.seen else None
        self.seen.clear()
        return self

    def greeted(self, ehlo=EHLO):
        self.hears("220 mx.test ESMTP\r\n").says("EHLO me.test\r\n").hears(ehlo)
        self.seen.clear()
        return self
