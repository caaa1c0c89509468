"""subaddress: `:user` and `:detail` of an address.

Not here: the separator (`world.World.detail_separator`), the cutting (`addresses.part_of`). Source: RFC 5233.
"""

from postier.sieve.spec import Extension, Family, Tag

_NEEDS = ("subaddress",)

EXTENSION = Extension(
    names=_NEEDS,
    tags=(
        (
            Family.ADDRESS_PART,
            (
                Tag(":user", group="address part", needs=_NEEDS),
                Tag(":detail", group="address part", needs=_NEEDS),
            ),
        ),
    ),
)
