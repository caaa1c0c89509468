"""mime: header, address and exists on the fields of parts.

Not here: finding them (`fields`). Source: RFC 5703 §4. `:type`, `:subtype`, `:contenttype` and `:param` are for header.
"""

from postier.sieve.spec import Extension, Family, Tag, Takes

_NEEDS = ("mime",)

EXTENSION = Extension(
    names=_NEEDS,
    tags=(
        (Family.MIME, (Tag(":mime", needs=_NEEDS), Tag(":anychild", needs=_NEEDS))),
        (
            "header",
            (
                Tag(":type", group="mime option", needs=_NEEDS),
                Tag(":subtype", group="mime option", needs=_NEEDS),
                Tag(":contenttype", group="mime option", needs=_NEEDS),
                Tag(":param", Takes.STRINGS, "mime option", _NEEDS),
            ),
        ),
    ),
)
