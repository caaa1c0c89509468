"""Random scripts on random messages: `python fuzz/fuzz_sieve.py --seconds 10 [--seed N]`.

Scripts are put together from the language's words and broken in places. A script gives a ScriptError or a Result, nothing
else; more than MAX_SECONDS for one input is a failure too. What fails is printed with its input and ends the run with 1.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from msgspec.structs import replace

from postier.mime.dates import Moment
from postier.sieve.filters import read_filters
from postier.sieve.problems import ScriptError
from postier.sieve.script import Script, capabilities, compile_script
from postier.sieve.vocabulary import COMMANDS, TESTS, tags_of
from postier.sieve.world import Envelope, Mailbox, MailboxList, ScriptShelf, Verdict, World

MAX_SECONDS = 5.0
CORPUS = Path(__file__).resolve().parents[1] / "tests" / "mime" / "corpus"
STRINGS = [
    "", "a", "*", "?", "*a?b*", "from", "to", "subject", "x-part", "content-type", "a@b.example", "Name <a@b.example>",
    "${1}", "${0}${x}", "${global.x}", "${hex:41 ff}", "${unicode:20ac}", "INBOX", "Junk", "\\\\Seen $x", "(a|b)*c", "a{2,3}",
    "[[:alpha:]]+", "(a*)*b", "^.*$", "((((", "gt", "eq", "i;octet", "i;ascii-numeric", "year", "iso8601", "+0100", "text/plain",
    "mailto:a@b.example?subject=x", "urn:ietf:params:sieve:addrbook:default", "one", "x", "global.x", "1", "\u00fc\u20ac",
    "Content-Type: text/html\r\n\r\n<p>x</p>", "2026-11-24T00:00:00Z", "NEVER", "two", "\\\\Junk", "online", "y" * 300,
]  # fmt: skip
PIECES = ['"', "\\", "{", "}", "(", ")", "[", "]", ",", ";", ":", "text:\r\n", ".\r\n", "/*", "*/", "#", "1K", "99999999999999999999",
          "\x00", "\xff", "\r", "\n", "if ", "elsif ", "else ", "not ", "${", "require "]  # fmt: skip
SHELF = ScriptShelf(
    {
        "one": compile_script(
            'require ["include", "variables"]; global "x"; set "x" "1"; include :once "one";'
        ),
        "two": compile_script(
            """require ["include", "variables", "foreverypart", "mime", "body", "replace", "enclose", "date"]; include "one";
            if allof (header :matches "x-part" "*", body :contains "a", size :under 10K) { replace "new"; }
            foreverypart { if date "date" "year" "2026" { enclose "see"; } if exists :mime "x-part" { return; } }"""
        ),
    }
)
WORLD = World(
    now=Moment(1_795_489_198, 60),
    own_addresses=("a@b.example",),
    mailboxes=MailboxList([Mailbox("Junk", "F1", ("\\Junk",))]),
    scripts=SHELF,
    verdict=Verdict(40, 1),
    environment={"domain": "b.example"},
)
ENVELOPE = Envelope("s@x.example", "a@b.example")


def argument(source: random.Random, takes: str | None) -> str:
    match takes:
        case "NUMBER":
            return source.choice(["0", "1", "2", "100", "1K"])
        case "STRING":
            return f'"{source.choice(STRINGS)}"'
        case "STRINGS":
            return (
                "["
                + ", ".join(f'"{each}"' for each in source.choices(STRINGS, k=source.randrange(1, 4)))
                + "]"
            )
        case _:
            return ""


def words(source: random.Random, table: dict, name: str, depth: int) -> str:
    command = table[name]
    pieces = [name]
    tags = list(tags_of(command).values())
    for tag in source.sample(tags, min(len(tags), source.choice([0, 0, 1, 1, 2, 3]))):
        pieces += [tag.name, argument(source, tag.takes.name if tag.takes else None)]
    for place in command.places:
        if not place.is_optional or source.random() < 0.5:
            pieces.append(argument(source, place.takes.name))
    if command.tests.name == "ONE":
        pieces.append(test(source, depth + 1))
    elif command.tests.name == "LIST":
        pieces.append(f"({test(source, depth + 1)}, {test(source, depth + 1)})")
    if table is COMMANDS:
        pieces.append(f"{{ {commands(source, depth + 1)} }}" if command.has_block else ";")
    return " ".join(pieces)


def test(source: random.Random, depth: int) -> str:
    return words(source, TESTS, "true" if depth > 5 else source.choice(list(TESTS)), depth)


def commands(source: random.Random, depth: int) -> str:
    found = []
    for _ in range(source.randrange(1, 5)):
        if source.random() < 0.4 and depth < 5:
            found.append(f"if {test(source, depth)} {{ {commands(source, depth + 1)} }}")
        else:
            found.append(
                words(source, COMMANDS, source.choice(list(COMMANDS)) if depth < 5 else "keep", depth)
            )
    return "\n".join(found)


def script(source: random.Random) -> str:
    required = [each for each in capabilities() if each not in {"imapsieve", "ihave"}]
    if source.random() < 0.3:
        required = [*source.sample(required, len(required) // 2), "ihave"]
    text = "require [" + ", ".join(['"' + each + '"' for each in required]) + "];\n"
    text += commands(source, 0)
    for _ in range(source.choice([0, 0, 0, 0, 1, 3])):
        at = source.randrange(len(text) + 1)
        text = text[:at] + source.choice(PIECES) + text[at + source.choice([0, 0, 1, 5]) :]
    return text


def message(source: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(source.choice(seeds))
    for _ in range(source.choice([0, 1, 5])):
        at = source.randrange(len(data) + 1)
        data[at:at] = source.choice(
            [b"\r\n", b"\xff", b"X-Part: one\r\n", b"=?utf-8?q?=ff?=", b"--b\r\n", b"\x00", b"a" * 99]
        )
    return bytes(data)


def exercise(text: str, raw: bytes) -> Script | None:
    read_filters(text)
    try:
        compiled = compile_script(text)
    except ScriptError:
        return None
    for with_trace, envelope in (
        (False, ENVELOPE),
        (True, Envelope("<@x,@y:s@x.example>", raw[:40].decode("latin-1"))),
    ):
        world = replace(WORLD, is_imap_event=with_trace)
        result = compiled.run(raw, envelope, world, with_trace=with_trace)
        assert result.error is None or (not result.actions and result.keep)
    return compiled


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns()
    source = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
    deadline = time.monotonic() + options.seconds
    runs = good = 0
    while time.monotonic() < deadline:
        text, raw = script(source), message(source, seeds)
        started = time.process_time()
        try:
            good += exercise(text, raw) is not None
        except Exception as error:
            print(f"seed {seed}: {error!r} for\n{text}\n{raw.hex()}")
            raise
        if time.process_time() - started > MAX_SECONDS:
            print(f"seed {seed}: too slow for\n{text}\n{raw.hex()}")
            return 1
        runs += 1
    print(f"{runs} scripts, {good} of them without mistakes, seed {seed}: no exception")
    return 0


if __name__ == "__main__":
    sys.exit(main())
