"""Row 23: what is compressed or refers to itself in a sender's logo or certificate is never unpacked beyond its bound."""

import gzip
import time
import tracemalloc

import pytest

from postier.mailauth.bimi import BimiError, read_indicator
from postier.mailauth.bimi.indicator import MAX_INDICATOR_OCTETS
from postier.mailauth.bimi.logotype import LogotypeImage

BOMB = gzip.compress(b"<svg>" + b" " * 25_000_000)
ENTITIES = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><svg>&m;</svg>"
)


@pytest.mark.parametrize("logo", [BOMB, ENTITIES, gzip.compress(ENTITIES)])
def test_a_logo_is_bounded(logo):
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(BimiError):
        read_indicator(logo)
    assert time.process_time() - began < 0.5
    assert tracemalloc.get_traced_memory()[1] < 20 * MAX_INDICATOR_OCTETS
    tracemalloc.stop()


def test_a_logo_in_a_certificate_is_bounded():
    image = LogotypeImage("", (), ("data:image/svg+xml;base64," + "A" * 10_000_000,))
    with pytest.raises(BimiError):
        image.embedded()
