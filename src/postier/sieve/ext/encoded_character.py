"""encoded-character: `${hex:}` and `${unicode:}` in strings.

Not here: the decoding (`texts.decode_characters`), which the compiler does when it is required. Source: RFC 5228
§2.4.2.4.
"""

from postier.sieve.spec import Extension

EXTENSION = Extension(names=("encoded-character",))
