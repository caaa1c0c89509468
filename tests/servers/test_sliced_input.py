"""Input is taken a slice at a time, in order and whole; what a server that stops has not taken stays where it is."""

from postier.servers.sliced_input import SlicedInput


class Arrivals:
    """What `Stream.read_or_wake` gives, one by one: octets, None for a wake-up, b"" for the end."""

    def __init__(self, *given):
        self._given = [*given]

    async def read_or_wake(self):
        return self._given.pop(0)


async def test_slices_are_whole_and_in_order():
    taking = SlicedInput(Arrivals(b"abcde", None, b"fg", b""), 2)
    assert [await taking.take(lambda: False) for _ in range(5)] == [b"ab", b"cd", b"e", b"fg", b""]


async def test_a_wake_up_lets_a_stopping_server_end():
    stops = iter((False, True))
    assert await SlicedInput(Arrivals(None), 2).take(lambda: next(stops)) is None


async def test_what_came_is_still_taken_while_the_server_stops():
    taking = SlicedInput(Arrivals(b"abc"), 2)
    assert await taking.take(lambda: False) == b"ab"
    assert await taking.take(lambda: True) == b"c"
    assert await taking.take(lambda: True) is None


async def test_what_is_dropped_is_gone():
    taking = SlicedInput(Arrivals(b"STLS\r\nevil", b"x"), 6)
    assert await taking.take(lambda: False) == b"STLS\r\n"
    taking.drop()
    assert await taking.take(lambda: False) == b"x"
