"""The verbs: a row each of the states that allow it, its arguments, and what it does.

Not here: lines and pausing (`session`). Sources: at each row. Invariant: a handler answers, or returns an event; never both, but
for `Refused`.
"""

from collections.abc import Callable

import msgspec

from postier.pop3 import replies
from postier.pop3.events import (
    AuthStarted,
    Event,
    Listing,
    ListingRequested,
    MessageRequested,
    MessagesWanted,
    PasswordGiven,
    TlsRequested,
    UpdateRequested,
)
from postier.pop3.languages import LANGUAGES, chosen_language
from postier.pop3.replies import Refusal, multi_line, ok
from postier.pop3.settings import MAX_AUTH_OCTETS, MAX_COMMAND_OCTETS, MAX_CREDENTIAL_OCTETS
from postier.pop3.state import SessionState, State
from postier.sasl.base64 import decode_base64

MAX_NUMBER_DIGITS = 10  # of a message number or a count of lines
IMPLEMENTATION = "Postier"  # no version: it would tell whom to attack

Handler = Callable[[SessionState, bytes], Event | None]


class Verb(msgspec.Struct, frozen=True):
    """One row: `needs_messages` before it is run, `argument` None if it takes none, False if it may be left out."""

    handle: Handler
    states: State
    takes_argument: bool = False
    needs_argument: bool = False
    needs_messages: bool = False


def line_limit(beginning: bytes) -> int:
    """The longest line of a command that begins so, its CRLF included."""
    verb = beginning.upper()
    if verb == b"AUTH ":
        return MAX_AUTH_OCTETS
    return MAX_CREDENTIAL_OCTETS if verb in {b"USER ", b"PASS "} else MAX_COMMAND_OCTETS


def perform(state: SessionState, line: bytes) -> Event | None:
    """Run a command; None if it was answered."""
    word, _, argument = line.partition(b" ")
    name = word.upper()
    verb = VERBS.get(name)
    if name != b"PASS":  # RFC 1939 §7: PASS comes immediately after USER, which is undone by anything else
        user, state.user = state.user, None
        if name in {b"CAPA", b"NOOP"}:  # but a client may ask between, as some do
            state.user = user
    if verb is None:
        return state.blame(replies.UNKNOWN_COMMAND)
    if state.state not in verb.states:
        is_early = state.state is State.AUTHORIZATION
        return state.blame(replies.LOG_IN_FIRST if is_early else replies.LOGGED_IN_ALREADY)
    if name != b"PASS":
        argument = argument.strip(b" ")  # RFC 1939 §7: spaces may be part of a password
    if (argument and not verb.takes_argument) or (verb.needs_argument and not argument):
        return state.blame(replies.BAD_ARGUMENTS)
    if verb.needs_messages and not state.opened().is_given:
        return MessagesWanted()
    errors = state.errors
    event = verb.handle(state, argument)
    if state.errors == errors:
        state.errors = 0
    return event


def _capa(state: SessionState, _: bytes) -> None:
    """RFC 2449 §5: what is there in AUTHORIZATION is there in TRANSACTION too, but for STLS (RFC 2595 §8)."""
    lines = ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "UTF8 USER", "LANG"]
    if state.may_login:
        lines += ["USER", " ".join(("SASL", *state.settings.mechanisms))]
    if state.can_starttls and state.state is State.AUTHORIZATION:
        lines.append("STLS")
    state.say(multi_line("capabilities follow", *lines, f"IMPLEMENTATION {IMPLEMENTATION}"))


def _stls(state: SessionState, _: bytes) -> Event:
    """RFC 2595 §4."""
    if state.has_tls:
        return state.blame(replies.TLS_ACTIVE)
    if not state.can_starttls:
        return state.blame(replies.NO_TLS)
    if state.is_utf8:  # RFC 6856 §2.1
        return state.blame(replies.UTF8_BEFORE_STLS)
    return TlsRequested()


def _user(state: SessionState, argument: bytes) -> Event | None:
    if not state.may_login:
        return state.blame(replies.TLS_FIRST)
    try:
        state.user = argument.decode("utf-8")  # RFC 6856 §2.2
    except UnicodeDecodeError:
        return state.blame(replies.NOT_UTF8)
    state.say(ok("and the password?"))  # whether there is such a user is not told
    return None


def _pass(state: SessionState, argument: bytes) -> Event:
    user, state.user = state.user, None
    if not state.may_login:
        return state.blame(replies.TLS_FIRST)
    if user is None:
        return state.blame(replies.USER_FIRST)
    try:
        return PasswordGiven(user, argument.decode("utf-8"))
    except UnicodeDecodeError:
        return state.blame(replies.NOT_UTF8)


def _auth(state: SessionState, argument: bytes) -> Event | None:
    """RFC 5034 §4; without an argument the mechanisms are listed, as older clients ask for them (Outlook Express)."""
    if not argument:
        state.say(multi_line("mechanisms follow", *(state.settings.mechanisms if state.may_login else ())))
        return None
    if not state.may_login:
        return state.blame(replies.TLS_FIRST)
    word, _, encoded = argument.partition(b" ")
    mechanism = word.decode("latin-1").upper()
    if mechanism not in state.settings.mechanisms:
        return state.blame(replies.MECHANISM_UNKNOWN)
    if not encoded:
        return AuthStarted(mechanism, None)
    try:
        return AuthStarted(mechanism, b"" if encoded == b"=" else decode_base64(encoded))
    except ValueError:
        return state.blame(replies.NOT_BASE64)


def _utf8(state: SessionState, _: bytes) -> None:
    state.is_utf8 = True
    state.say(ok("UTF-8 it is"))


def _lang(state: SessionState, argument: bytes) -> None:
    """RFC 6856 §3.2."""
    if not argument:
        state.say(multi_line("languages follow", *(f"{tag} {name}" for tag, name in LANGUAGES.items())))
        return
    tag = chosen_language(argument.decode("latin-1"))
    if tag is None:
        state.refuse(replies.NO_SUCH_LANGUAGE)
    else:
        state.say(ok(f"{tag} is spoken"))


def _stat(state: SessionState, _: bytes) -> None:
    maildrop = state.opened()
    state.say(b"+OK %d %d\r\n" % (maildrop.count, maildrop.size_octets))


def _list(state: SessionState, argument: bytes) -> Event | None:
    if not argument:
        return ListingRequested(Listing.SIZES)
    number = _known(state, argument)
    if isinstance(number, int):
        state.say(ok(state.opened().size_line(number)))
        return None
    return _refused(state, number)


def _uidl(state: SessionState, argument: bytes) -> Event | None:
    if not argument:
        return ListingRequested(Listing.UNIQUE_IDS)
    number = _known(state, argument)
    if isinstance(number, int):
        state.say(ok(state.opened().unique_id_line(number)))
        return None
    return _refused(state, number)


def _retr(state: SessionState, argument: bytes) -> Event | None:
    number = _known(state, argument)
    if isinstance(number, int):
        return MessageRequested(number, state.opened().uid(number), None)
    return _refused(state, number)


def _top(state: SessionState, argument: bytes) -> Event | None:
    which, _, count = argument.partition(b" ")
    number, lines = _known(state, which), _number(count.strip(b" "))
    if not isinstance(number, int):
        return _refused(state, number)
    if lines is None:
        return state.blame(replies.BAD_ARGUMENTS)
    return MessageRequested(number, state.opened().uid(number), lines)


def _dele(state: SessionState, argument: bytes) -> Event | None:
    number = _known(state, argument)
    if not isinstance(number, int):
        return _refused(state, number)
    state.opened().delete(number)
    state.say(ok("deleted when you QUIT"))
    return None


def _noop(state: SessionState, _: bytes) -> None:
    state.say(ok())


def _rset(state: SessionState, _: bytes) -> None:
    maildrop = state.opened()
    maildrop.reset()
    state.say(ok(f"{maildrop.count} messages ({maildrop.size_octets} octets)"))


def _quit(state: SessionState, _: bytes) -> Event | None:
    """RFC 1939 §4 and §6."""
    if state.maildrop is not None:
        return UpdateRequested(state.maildrop.deleted_uids, state.maildrop.retrieved_uids)
    state.say(ok("goodbye"))
    state.state = State.CLOSED
    return None


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) <= MAX_NUMBER_DIGITS else None


def _known(state: SessionState, argument: bytes) -> int | Refusal:
    """The number of a message that is there."""
    number = _number(argument)
    if number is None:
        return replies.BAD_ARGUMENTS
    return number if state.opened().has(number) else replies.NO_SUCH_MESSAGE


def _refused(state: SessionState, refusal: Refusal) -> Event | None:
    if refusal is replies.NO_SUCH_MESSAGE:
        state.refuse(refusal)  # no fault: another session may have it deleted
        return None
    return state.blame(refusal)


_BOTH = State.AUTHORIZATION | State.TRANSACTION

VERBS: dict[bytes, Verb] = {
    # RFC 1939
    b"USER": Verb(_user, State.AUTHORIZATION, takes_argument=True, needs_argument=True),
    b"PASS": Verb(_pass, State.AUTHORIZATION, takes_argument=True, needs_argument=True),
    b"QUIT": Verb(_quit, _BOTH),
    b"STAT": Verb(_stat, State.TRANSACTION),
    b"LIST": Verb(_list, State.TRANSACTION, takes_argument=True, needs_messages=True),
    b"RETR": Verb(_retr, State.TRANSACTION, takes_argument=True, needs_argument=True, needs_messages=True),
    b"DELE": Verb(_dele, State.TRANSACTION, takes_argument=True, needs_argument=True, needs_messages=True),
    b"NOOP": Verb(_noop, State.TRANSACTION),
    b"RSET": Verb(_rset, State.TRANSACTION),
    b"TOP": Verb(_top, State.TRANSACTION, takes_argument=True, needs_argument=True, needs_messages=True),
    b"UIDL": Verb(_uidl, State.TRANSACTION, takes_argument=True, needs_messages=True),
    b"CAPA": Verb(_capa, _BOTH),  # RFC 2449 §5
    b"STLS": Verb(_stls, State.AUTHORIZATION),  # RFC 2595 §4
    b"AUTH": Verb(_auth, State.AUTHORIZATION, takes_argument=True),  # RFC 5034 §4
    b"UTF8": Verb(_utf8, State.AUTHORIZATION),  # RFC 6856 §2
    b"LANG": Verb(_lang, _BOTH, takes_argument=True),  # RFC 6856 §3
}
