"""What the sieve room costs: `python bench/bench_sieve.py` prints one JSON object, microseconds of CPU per call.

The script has 20 rules as people write them, none of which matches but the last; the message is the 4 KiB letter of
`bench_mime`. A run begins with nothing known of the message: the header is split and decoded each time.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_mime import cost_us, letter

from postier.mime.dates import Moment
from postier.mime.structure import parse
from postier.sieve.script import compile_script
from postier.sieve.world import Envelope, World

HEAD = """require ["fileinto", "imap4flags", "envelope", "copy", "variables", "regex", "relational", "date",
 "comparator-i;ascii-numeric", "body"];
"""
RULES = [
    'if header :contains "subject" "rule number {0}" {{ fileinto "Folder {0}"; stop; }}',
    'if address :is "from" ["boss{0}@work.example", "chief{0}@work.example"] {{ addflag "\\\\Flagged"; stop; }}',
    'if header :is "list-id" "list-{0}.example.org" {{ fileinto "Lists/{0}"; stop; }}',
    'if anyof (address :domain "to" "d{0}.example", address :domain "cc" "d{0}.example") {{ fileinto "D{0}"; stop; }}',
    'if allof (header :matches "subject" "*invoice {0}*", size :over 1M) {{ redirect :copy "i{0}@x.example"; stop; }}',
]
LAST = 'if envelope :domain "from" "load.example" { fileinto "Load"; }'


def main() -> None:
    rules = [RULES[number % len(RULES)].format(number) for number in range(19)]
    text = HEAD + "\n".join([*rules, LAST])
    script = compile_script(text)
    raw = letter(4_096)
    envelope = Envelope("sender@load.example", "user@localhost")
    world = World(now=Moment(1_795_489_198))
    assert script.run(raw, envelope, world).actions
    regex = compile_script(
        'require "regex"; if header :regex "subject" "(report|note) no\\\\. [0-9]+" { discard; }'
    )
    assert regex.run(raw).actions
    body = compile_script('require "body"; if body :contains "no such words" { discard; }')
    parse(raw)
    figures = {
        "run_20_rules_4k_us": cost_us(lambda: script.run(raw, envelope, world), 3.0),
        "run_20_rules_4k_traced_us": cost_us(lambda: script.run(raw, envelope, world, with_trace=True)),
        "run_regex_us": cost_us(lambda: regex.run(raw)),
        "run_body_4k_us": cost_us(lambda: body.run(raw)),
        "compile_20_rules_us": cost_us(lambda: compile_script(text)),
    }
    print(json.dumps({"octets": len(raw), "script_octets": len(text), **figures}, indent=1))


if __name__ == "__main__":
    main()
