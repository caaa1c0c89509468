"""The verbs: a row each of the states that allow it, its arguments, and the event that they make.

Not here: lines and pausing (`session`). Source: RFC 5804 §2. Invariant: arguments become typed values here; what follows sees no
octets of a name.
"""

import enum
from collections.abc import Callable, Sequence

import msgspec

from postier.managesieve import answers
from postier.managesieve.answers import Answer
from postier.managesieve.events import (
    ScriptActivated,
    ScriptCommand,
    ScriptDeleted,
    ScriptOffered,
    ScriptPut,
    ScriptRenamed,
    ScriptsListed,
    ScriptWanted,
    SpaceAsked,
)
from postier.managesieve.names import script_name
from postier.managesieve.reader import Atom, Token
from postier.managesieve.settings import MAX_AUTH_OCTETS, MAX_STRING_OCTETS

MAX_NUMBER = 2**32 - 1  # RFC 5804 §4


class State(enum.Flag):
    """RFC 5804 §2, and what lies between; a Flag so that a verb's row can name several."""

    NON_AUTHENTICATED = enum.auto()
    EXCHANGE = enum.auto()  # in the middle of AUTHENTICATE
    HANDSHAKE = enum.auto()  # STARTTLS was accepted
    AUTHENTICATED = enum.auto()
    CLOSED = enum.auto()


class Kind(enum.Enum):
    """What an argument is."""

    STRING = enum.auto()
    OPTIONAL_STRING = enum.auto()  # the last one
    NUMBER = enum.auto()


Parse = Callable[[Sequence[Token]], ScriptCommand | Answer]


class Verb(msgspec.Struct, frozen=True):
    """One row; `parse` is None for the verbs that the session itself knows, `script_at` the place of a script."""

    states: State
    arguments: tuple[Kind, ...] = ()
    parse: Parse | None = None
    script_at: int = -1


def fits(verb: Verb, arguments: Sequence[Token]) -> bool:
    """Whether these are the verb's arguments."""
    fewest = sum(kind is not Kind.OPTIONAL_STRING for kind in verb.arguments)
    if not fewest <= len(arguments) <= len(verb.arguments):
        return False
    for kind, token in zip(verb.arguments, arguments, strict=False):
        is_number = isinstance(token, Atom) and token.isdigit() and len(token) <= len(str(MAX_NUMBER))
        if isinstance(token, Atom) and not (kind is Kind.NUMBER and is_number and int(token) <= MAX_NUMBER):
            return False
        if kind is Kind.NUMBER and not isinstance(token, Atom):
            return False
    return True


def literal_limit(tokens: Sequence[Token], state: State, max_script_octets: int) -> int:
    """The largest literal that may follow these tokens; before login there is no script to send."""
    if state is State.EXCHANGE:
        return MAX_AUTH_OCTETS if not tokens else 0
    if not tokens:
        return 0
    name = tokens[0].upper()
    verb = VERBS.get(name)
    if verb is None or state not in verb.states:
        return 0
    if name == b"AUTHENTICATE":
        return MAX_AUTH_OCTETS
    return max_script_octets if len(tokens) - 1 == verb.script_at else MAX_STRING_OCTETS


def _named(make: Callable[..., ScriptCommand]) -> Parse:
    """A verb whose arguments are names."""

    def parse(arguments: Sequence[Token]) -> ScriptCommand | Answer:
        names = [script_name(each) for each in arguments]
        return answers.BAD_NAME if None in names else make(*names)

    return parse


def _set_active(arguments: Sequence[Token]) -> ScriptCommand | Answer:
    return _named(ScriptActivated)(arguments) if arguments[0] else ScriptActivated("")


def _have_space(arguments: Sequence[Token]) -> ScriptCommand | Answer:
    name = script_name(arguments[0])
    return answers.BAD_NAME if name is None else SpaceAsked(name, int(arguments[1]))


def _put_script(arguments: Sequence[Token]) -> ScriptCommand | Answer:
    name = script_name(arguments[0])
    if name is None:
        return answers.BAD_NAME
    return ScriptPut(name, arguments[1]) if arguments[1] else answers.EMPTY_SCRIPT  # RFC 5804 §2.6


_ANY = State.NON_AUTHENTICATED | State.AUTHENTICATED
_ONE = (Kind.STRING,)
_TWO = (Kind.STRING, Kind.STRING)

VERBS: dict[bytes, Verb] = {
    b"AUTHENTICATE": Verb(State.NON_AUTHENTICATED, (Kind.STRING, Kind.OPTIONAL_STRING)),  # §2.1
    b"STARTTLS": Verb(State.NON_AUTHENTICATED),  # §2.2
    b"LOGOUT": Verb(_ANY),  # §2.3
    b"CAPABILITY": Verb(_ANY),  # §2.4
    b"HAVESPACE": Verb(State.AUTHENTICATED, (Kind.STRING, Kind.NUMBER), _have_space),  # §2.5
    b"PUTSCRIPT": Verb(State.AUTHENTICATED, _TWO, _put_script, script_at=1),  # §2.6
    b"LISTSCRIPTS": Verb(State.AUTHENTICATED, (), lambda _: ScriptsListed()),  # §2.7
    b"SETACTIVE": Verb(State.AUTHENTICATED, _ONE, _set_active),  # §2.8
    b"GETSCRIPT": Verb(State.AUTHENTICATED, _ONE, _named(ScriptWanted)),  # §2.9
    b"DELETESCRIPT": Verb(State.AUTHENTICATED, _ONE, _named(ScriptDeleted)),  # §2.10
    b"RENAMESCRIPT": Verb(State.AUTHENTICATED, _TWO, _named(ScriptRenamed)),  # §2.11
    b"CHECKSCRIPT": Verb(
        State.AUTHENTICATED, _ONE, lambda found: ScriptOffered(found[0]), script_at=0
    ),  # §2.12
    b"NOOP": Verb(_ANY, (Kind.OPTIONAL_STRING,)),  # §2.13
    b"UNAUTHENTICATE": Verb(State.AUTHENTICATED),  # §2.14.1
}
