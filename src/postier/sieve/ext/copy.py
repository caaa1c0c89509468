"""copy: `:copy` for fileinto and redirect, which leaves the implicit keep alone.

Not here: the actions. Source: RFC 3894.
"""

from postier.sieve.spec import Extension, Tag

_COPY = (Tag(":copy", needs=("copy",)),)

EXTENSION = Extension(names=("copy",), tags=(("fileinto", _COPY), ("redirect", _COPY)))
