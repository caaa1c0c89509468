"""The cache's bounds: in entries and in octets, whatever comes and goes."""

from hypothesis import given
from hypothesis import strategies as st

from postier.dns import cache as caches
from postier.dns.cache import Cache
from postier.mailauth.questions import Answer, TxtQuestion

SIZE = 1_000


def put(cache, name, size, ttl_s=60):
    cache.put(TxtQuestion(name), Answer((b"x" * size,)), name, ttl_s)


def names(cache):
    return [name for name in "abcdef" if cache.get(TxtQuestion(name)) is not None]


def test_so_many_octets_are_kept(monkeypatch):
    monkeypatch.setattr(caches, "MAX_OCTETS", 3 * SIZE)
    cache = Cache(lambda: 0.0)
    for name in "abc":
        put(cache, name, SIZE)
    assert names(cache) == ["a", "b", "c"]
    put(cache, "d", 1)
    assert names(cache) == ["b", "c", "d"]
    put(cache, "e", 3 * SIZE + 1)  # more than all
    assert names(cache) == []
    put(cache, "f", SIZE)
    assert names(cache) == ["f"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 50), st.sampled_from([None, 0, 10])), max_size=60
    )
)
def test_the_count_is_right_whatever_happens(puts):
    now = [0.0]
    cache = Cache(lambda: now[0], capacity=3)
    for name, size, ttl_s in puts:
        put(cache, name, size, ttl_s)
        now[0] += 4.0
        names(cache)
        assert cache._octets == sum(entry.octets for entry in cache._entries.values())
        assert len(cache) <= 3
    cache.clear()
    assert cache._octets == 0
