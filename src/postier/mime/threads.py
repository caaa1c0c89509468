"""What threading needs of a message: the base subject and the message ids it refers to.

Not here: which thread it joins (the mailbox room). Source: RFC 5256 §2.1, §5; RFC 5322 §3.6.4; RFC 8621 §4.1.2.3 (ids
without their angle brackets). Invariants: linear; ids are capped in number and length.
"""

import re

from postier.mime import charsets

MAX_REFERENCES = 100
MAX_MESSAGE_ID_OCTETS = 998

_SPACES = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")
_BLOBS = re.compile(r"(?:\[[^\[\]]*+\][ \t]*+)*")
_LAST_BLOB = re.compile(r"\[[^\[\]]*+\][ \t]*+\Z")
_REFWD = re.compile(r"(?:re|fwd?)[ \t]*+(?:\[[^\[\]]*+\][ \t]*+)?:[ \t]*+", re.IGNORECASE)
_ARTIFACT = re.compile(r"[:\[(\t\r\n]|  ")  # without any of these there is nothing to strip or collapse
_ID_JUNK = re.compile(r"[\x00-\x1f\x7f]+")
_MESSAGE_ID = re.compile(rb"<([^<>]{1,998})>")


def base_subject(subject: str) -> str:
    """The base subject of a decoded subject (RFC 5256 §2.1)."""
    return _strip_artifacts(subject)[0]


def is_reply(subject: str) -> bool:
    """Whether the subject says that it is a reply or a forward (RFC 5256 §3, step 5 of REFERENCES)."""
    return _strip_artifacts(subject)[1]


def _strip_artifacts(subject: str) -> tuple[str, bool]:
    if _ARTIFACT.search(subject) is None:
        return subject.strip(" "), False
    text = _SPACES.sub(" ", subject)  # (1)
    start, end = 0, len(text)
    is_marked = False
    while True:
        while True:  # (2) trailers
            while end > start and text[end - 1] in " \t":
                end -= 1
            if end - start < 5 or text[end - 5 : end].lower() != "(fwd)":
                break
            end -= 5
            is_marked = True
        while True:  # (3) leaders, (4) blobs, (5) again
            while start < end and text[start] in " \t":
                start += 1
            blobs = _BLOBS.match(text, start, end)
            after = blobs.end() if blobs else start
            if mark := _REFWD.match(text, after, end):
                start = mark.end()
                is_marked = True
                continue
            # No leader behind the blobs: all go, but something must stay
            if after < end:
                start = after
            elif after > start:
                start = _last_blob(text, start, end)
            break
        # (6)
        if end - start < 6 or text[end - 1] != "]" or text[start : start + 5].lower() != "[fwd:":
            return text[start:end], is_marked
        start, end = start + 5, end - 1
        is_marked = True


def _last_blob(text: str, start: int, end: int) -> int:
    """Where the last blob of a text that is nothing but blobs begins."""
    return max(start, text.rfind("[", start, end))


def message_ids(value: bytes) -> tuple[str, ...]:
    """The ids of an unfolded Message-ID, In-Reply-To or References value, without brackets, in order; of more than
    MAX_REFERENCES the first (the root of the thread) and the last ones.
    """
    found = _MESSAGE_ID.findall(value)
    if len(found) > MAX_REFERENCES:
        found = [found[0], *found[1 - MAX_REFERENCES :]]
    return tuple([_id_text(octets) for octets in found])


def message_id(value: bytes) -> str | None:
    """The id of an unfolded Message-ID value, also when its brackets are missing; None when there is none."""
    if match := _MESSAGE_ID.search(value):
        return _id_text(match[1])
    bare = value.strip(b"<> \t")
    return _id_text(bare) if bare and len(bare) <= MAX_MESSAGE_ID_OCTETS and b" " not in bare else None


def references_of(references: bytes | None, in_reply_to: bytes | None) -> tuple[str, ...]:
    """The ancestors of a message, oldest first (RFC 5256 §3: References, else the first id of In-Reply-To)."""
    if references is not None and (found := message_ids(references)):
        return found
    return message_ids(in_reply_to)[:1] if in_reply_to is not None else ()


def _id_text(octets: bytes) -> str:
    text = charsets.decode_unlabelled(octets)
    if text.isprintable() and " " not in text:
        return text
    return "".join(_ID_JUNK.sub(" ", text).split())  # an id broken by folding
