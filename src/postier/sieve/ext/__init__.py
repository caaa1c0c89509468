"""The extensions: one module for each, or for a few that share their words. `EXTENSIONS` has them all.

Not here: the base language (`commands`, `tests`). convert (RFC 6558) is not among them: converting media types belongs
to no mail server that must not run other people's decoders on strangers' files.
"""

from importlib import import_module

from postier.sieve.spec import Extension

_MODULES = (
    "body",
    "comparators",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "encoded_character",
    "enotify",
    "envelope",
    "environment",
    "extlists",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "include",
    "mailbox",
    "mime",
    "redirect_options",
    "regex",
    "reject",
    "relational",
    "replace",
    "spamtest",
    "subaddress",
    "vacation",
    "variables",
)

EXTENSIONS: tuple[Extension, ...] = tuple(import_module(f"{__name__}.{name}").EXTENSION for name in _MODULES)
