"""What a script may cost: its size, its shape, and what one run may do.

Not here: the limits over time, per user (the caller counts runs and disables scripts). Source: RFC 5228 §2.10.4,
§2.10.7; RFC 5229 §6; RFC 6609 §3.1; SECURITY 15. Invariants: beyond a limit of shape a script is refused, beyond one of
a run the run fails and the mail is kept; only what RFC 5229 §6 says is cut off silently.
"""

import msgspec


class ScriptLimits(msgspec.Struct, frozen=True):
    """The limits of one script and of one run of it."""

    script_octets: int = 1 << 20  # a script
    nesting: int = 32  # blocks in blocks and tests in tests; RFC 5228 §2.10.7 wants 15
    string_characters: int = 256 * 1024  # one string of a script
    commands: int = 10_000  # commands and tests in a script
    list_strings: int = 4_096  # strings in one list
    problems: int = 50  # mistakes that are told at once
    variables: int = 256  # variables of one script in a run; RFC 5229 §6 wants 128
    variable_name_characters: int = 64  # RFC 5229 §6 wants 32
    variable_characters: int = 16 * 1024  # a value, cut off; RFC 5229 §6 wants 4000
    match_variables: int = 99  # ${1} to ${99}; RFC 5229 §6 wants 9
    expanded_characters: int = 1 << 20  # a string with its variables expanded, cut off
    actions: int = 64  # keep, fileinto, redirect, notify and the like in one run
    redirects: int = 8  # redirect actions in one run; RFC 5228 §10 wants a limit
    list_addresses: int = 100  # addresses of the lists that one run redirects to; RFC 6134 §3 wants a limit
    notifications: int = 8  # notify actions in one run
    includes: int = 64  # include commands that run in one run
    include_depth: int = 8  # scripts in scripts; RFC 6609 §3.1 wants 3
    duplicate_tests: int = 32  # unique ids tracked by one run
    added_fields: int = 64  # header fields added by one run
    flags: int = 128  # IMAP flags in one set
    loop_depth: int = 4  # foreverypart in foreverypart; RFC 5703 §3 wants 2
    edits: int = 32  # replace and enclose in one run, each of which writes the message anew
    steps: int = 100_000  # commands and tests that run in one run
    work: int = 128 << 20  # characters compared, decoded and written anew in one run
    regex_program: int = 2_000  # instructions of one regular expression
    regex_programs: int = 10_000  # instructions of all regular expressions of a script
    regex_work: int = 2_000_000  # thread steps of regular expressions in one run


LIMITS = ScriptLimits()
