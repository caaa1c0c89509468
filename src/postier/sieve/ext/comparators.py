"""The comparators that must be required, as capabilities.

Not here: what they do (`postier.sieve.comparators`). Source: RFC 5228 §2.7.3; RFC 4790; RFC 5051.
"""

from postier.sieve.comparators import COMPARATORS
from postier.sieve.spec import Extension

EXTENSION = Extension(names=tuple(f"comparator-{name}" for name in COMPARATORS))
