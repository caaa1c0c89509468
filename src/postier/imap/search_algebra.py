"""What can be done with SEARCH criteria before any message is looked at: bound, simplified, divided, asked about.

Not here: the kinds of keys (`search`), matching messages (`search_match`). Source: RFC 9051 §6.4.4. Invariants: after `bind` only UIDs,
bits of flags, dates, sizes and texts are left, and Keyword, Recent, Messages, Within, Filter and Fuzzy are gone. No function
recurses: the depth of the peer's nesting costs no stack.
"""

import enum
from collections.abc import Callable, Iterable, Mapping

import msgspec

from postier.imap.flags import FIRST_KEYWORD_BIT, SEEN
from postier.imap.search import (
    AddressText,
    All,
    And,
    AnyText,
    BodyText,
    Criterion,
    DateField,
    DateRange,
    Filter,
    Flags,
    Fuzzy,
    HeaderText,
    Keyword,
    Leaf,
    Messages,
    ModSeq,
    Not,
    Nothing,
    ObjectId,
    Or,
    Recent,
    Size,
    SubjectText,
    Uids,
    Within,
)
from postier.imap.sets import MAX_NUMBER, Ranges, SequenceSet, coalesce, overlap

_TEXTS = (SubjectText, AddressText, HeaderText, BodyText, AnyText)


class Needs(enum.Flag):
    """What must be known of a message to decide; dearer things have higher bits."""

    UID = 1
    FLAGS = 2
    SIZE = 4
    INTERNAL_DATE = 8
    MODSEQ = 16
    OBJECT_ID = 32
    SENT_DATE = 64
    SUBJECT = 128
    ADDRESSES = 256
    HEADER = 512
    BODY = 1024


class Binding(msgspec.Struct, frozen=True):
    """What the criteria's words mean in one mailbox at one moment."""

    keywords: tuple[str, ...]
    uid_ranges: Callable[[SequenceSet, bool], Ranges]  # the view's: a set, and whether it holds UIDs
    recent_from: int | None = None  # the first \Recent UID
    now_s: int = 0
    loosen: Callable[[Leaf], Criterion] = lambda term: term  # what else a key under FUZZY finds
    seen: Ranges | None = None  # what the reader has seen, where that is not the flag of the message


def bind(criterion: Criterion, binding: Binding) -> Criterion:
    """Replace what depends on mailbox, session and clock; the result is simplified."""
    places = {name.upper(): place for place, name in enumerate(binding.keywords)}

    def leaf(term: Leaf) -> Criterion:
        match term:
            case Keyword(name):
                place = places.get(name.upper())
                return Nothing() if place is None else Flags(1 << (FIRST_KEYWORD_BIT + place))
            case Flags(set_bits, clear_bits) if binding.seen is not None and (set_bits | clear_bits) & SEEN:
                rest = Flags(set_bits & ~SEEN, clear_bits & ~SEEN)
                seen = Uids(binding.seen)
                return conjunction([rest, seen if set_bits & SEEN else negation(seen)])
            case Recent():
                return (
                    Nothing() if binding.recent_from is None else Uids(((binding.recent_from, MAX_NUMBER),))
                )
            case Messages(numbers, is_uid):
                return Uids(binding.uid_ranges(numbers, is_uid))
            case Fuzzy(fuzzy):
                return binding.loosen(fuzzy)
            case Within(seconds, is_younger):
                edge = binding.now_s - seconds
                if is_younger:
                    return DateRange(DateField.INTERNAL, start_s=edge)
                return DateRange(DateField.INTERNAL, end_s=edge + 1)
            case _:
                return term

    return _rewrite(criterion, leaf)


def simplify(criterion: Criterion) -> Criterion:
    """The same criteria, flat and merged; All, Nothing and double Not are gone from inside."""
    return _rewrite(criterion, lambda leaf: leaf)


def with_numbers_bound(criterion: Criterion, uid_ranges: Callable[[SequenceSet, bool], Ranges]) -> Criterion:
    """The criteria with sequence numbers and the saved result as the UIDs that they are now (RFC 5267 §4.3)."""

    def leaf(term: Leaf) -> Criterion:
        if isinstance(term, Messages) and (not term.is_uid or term.set.is_saved_result):
            return Uids(uid_ranges(term.set, term.is_uid))
        return term

    return _rewrite(criterion, leaf)


def with_filters(criterion: Criterion, known: Mapping[str, Criterion]) -> Criterion:
    """The criteria with the keys of filters in their place."""
    return _rewrite(criterion, lambda term: known[term.name] if isinstance(term, Filter) else term)


def leaves(criterion: Criterion) -> Iterable[Leaf]:
    """All leaves, in no particular order."""
    pending = [criterion]
    while pending:
        match pending.pop():
            case And(terms) | Or(terms):
                pending.extend(terms)
            case Not(term):
                pending.append(term)
            case leaf:
                yield leaf


def fuzzed(criterion: Criterion) -> Criterion:
    """The criteria with their texts as keys under FUZZY."""

    def leaf(term: Leaf) -> Criterion:
        return Fuzzy(term) if isinstance(term, _TEXTS) else term

    made = _rewrite(criterion, leaf)
    return made if is_fuzzy(made) else conjunction([made, Fuzzy(All())])


def is_fuzzy(criterion: Criterion) -> bool:
    """Whether FUZZY is among the keys (RFC 6203 §4: RELEVANCY needs it)."""
    return any(isinstance(leaf, Fuzzy) for leaf in leaves(criterion))


def asks_modseq(criterion: Criterion) -> bool:
    """Whether MODSEQ is among the keys (RFC 7162 §3.1.5)."""
    return any(isinstance(leaf, ModSeq) for leaf in leaves(criterion))


def needs(criterion: Criterion) -> Needs:
    """All that matching could look at."""
    found = Needs(0)
    for leaf in leaves(criterion):
        found |= _leaf_needs(leaf)
    return found


def split(criterion: Criterion, known: Needs) -> tuple[Criterion, Criterion]:
    """(what `known` decides alone, what is left), whose conjunction is the whole.

    The first part can be compiled to SQL over columns.
    """
    criterion = simplify(criterion)
    terms = criterion.terms if isinstance(criterion, And) else (criterion,)
    decided = [term for term in terms if needs(term) in known]
    left = [term for term in terms if needs(term) not in known]
    return conjunction(decided), conjunction(left)


def conjunction(terms: Iterable[Criterion]) -> Criterion:
    """And of the terms, flat and merged."""
    set_bits = clear_bits = 0
    ranges: Ranges | None = None
    flat: list[Criterion] = []
    for term in _spliced(terms, And):
        match term:
            case All():
                pass
            case Nothing():
                return term
            case Flags():
                set_bits |= term.set_bits
                clear_bits |= term.clear_bits
            case Uids():
                ranges = term.ranges if ranges is None else overlap(ranges, term.ranges)
            case _:
                flat.append(term)
    if set_bits & clear_bits or ranges == ():
        return Nothing()
    if ranges is not None:
        flat.insert(0, Uids(ranges))
    if set_bits | clear_bits:
        flat.insert(0, Flags(set_bits, clear_bits))
    return And(tuple(flat)) if len(flat) > 1 else flat[0] if flat else All()


def disjunction(terms: Iterable[Criterion]) -> Criterion:
    """Or of the terms, flat and merged."""
    ranges: list[tuple[int, int]] = []
    flat: list[Criterion] = []
    for term in _spliced(terms, Or):
        match term:
            case All():
                return term
            case Nothing():
                pass
            case Uids():
                ranges += term.ranges
            case _:
                flat.append(term)
    if ranges:
        flat.insert(0, Uids(coalesce(ranges)))
    return Or(tuple(flat)) if len(flat) > 1 else flat[0] if flat else Nothing()


def negation(term: Criterion) -> Criterion:
    """Not of the term."""
    match term:
        case Not(inner):
            return inner
        case All():
            return Nothing()
        case Nothing() | Uids(()):
            return All()
        case Flags(bit, 0) if bit.bit_count() == 1:
            return Flags(0, bit)
        case Flags(0, bit) if bit.bit_count() == 1:
            return Flags(bit, 0)
        case _:
            return Not(term)


def _spliced(terms: Iterable[Criterion], kind: type[And] | type[Or]) -> Iterable[Criterion]:
    for term in terms:
        if isinstance(term, kind):
            yield from term.terms
        else:
            yield term


def _rewrite(criterion: Criterion, leaf: Callable[[Leaf], Criterion]) -> Criterion:
    """Rebuild the tree from its leaves up, with `leaf` applied to each."""
    pending: list[tuple[Criterion, bool]] = [(criterion, False)]
    done: list[Criterion] = []
    while pending:
        node, is_ready = pending.pop()
        match node:
            case And(terms) | Or(terms) if is_ready:
                parts = done[-len(terms) :]
                del done[-len(terms) :]
                done.append(conjunction(parts) if isinstance(node, And) else disjunction(parts))
            case And(terms) | Or(terms):
                pending.append((node, True))
                pending.extend((term, False) for term in reversed(terms))
            case Not() if is_ready:
                done.append(negation(done.pop()))
            case Not(term):
                pending += [(node, True), (term, False)]
            case _:
                done.append(leaf(node))
    return done.pop()


def _leaf_needs(leaf: Leaf) -> Needs:
    match leaf:
        case Fuzzy(term):
            return _leaf_needs(term)
        case All() | Nothing() | Filter():
            return Needs(0)
        case Flags() | Keyword():
            return Needs.FLAGS
        case Recent() | Messages() | Uids():
            return Needs.UID
        case ModSeq():
            return Needs.MODSEQ
        case ObjectId():
            return Needs.OBJECT_ID
        case DateRange(DateField.SENT):
            return Needs.SENT_DATE
        case DateRange() | Within():
            return Needs.INTERNAL_DATE
        case Size():
            return Needs.SIZE
        case AddressText():
            return Needs.ADDRESSES
        case SubjectText():
            return Needs.SUBJECT
        case HeaderText():
            return Needs.HEADER
        case BodyText() | AnyText():
            return Needs.HEADER | Needs.BODY if isinstance(leaf, AnyText) else Needs.BODY
