"""`store.packs`: several blobs are read at once, in any order, from one pack or several; damage is told."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.store import packs
from postier.store.blobs import draft
from postier.store.packs import MAX_GAP_BYTES, PackStore
from postier.store.transaction import StoreUnavailableError

CONTENTS = [b"%d " % number * (number * 37 % 900) for number in range(1, 13)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store whose blobs lie in two packs, with what it takes to find each."""
    folder = tmp_path_factory.mktemp("packs")
    drafts = [draft(content) for content in CONTENTS]
    first = PackStore(folder)
    locations = first.save(drafts[:8])
    second = PackStore(folder)  # beside the first, so in a pack of its own
    locations += second.save(drafts[8:])
    second.close()
    assert len({location.pack for location in locations}) == 2
    yield first, [one.blob_id for one in drafts], locations
    first.close()


@given(st.lists(st.none() | st.integers(0, len(CONTENTS) - 1), max_size=30))
def test_blobs_come_in_the_order_asked(kept, places):
    store, blob_ids, locations = kept
    wanted = [blob_ids[place or 0] for place in places]
    found = store.load_all(wanted, [None if place is None else locations[place] for place in places])
    assert found == [None if place is None else CONTENTS[place] for place in places]


def test_neighbours_are_read_at_once(kept, monkeypatch):
    store, blob_ids, locations = kept
    reads = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *asked: reads.append(asked) or pread(*asked))
    assert store.load_all(blob_ids, locations) == CONTENTS
    assert len(reads) == 2  # a pack each


@pytest.mark.parametrize(("between", "reads"), [(MAX_GAP_BYTES, 1), (MAX_GAP_BYTES + 1, 2)])
def test_what_lies_far_apart_is_not(tmp_path, monkeypatch, between, reads):
    store = PackStore(tmp_path)
    header = packs._HEADER.size
    drafts = [draft(content) for content in (b"first", os.urandom(between - 2 * header), b"last")]
    locations = store.save(drafts)
    asked = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *each: asked.append(each) or pread(*each))
    assert store.load_all([drafts[0].blob_id, drafts[2].blob_id], locations[::2]) == [b"first", b"last"]
    assert len(asked) == reads
    store.close()


def test_a_long_run_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(packs, "MAX_RUN_BYTES", 1_000)
    store = PackStore(tmp_path)
    contents = [os.urandom(400) for _ in range(5)]
    drafts = [draft(content) for content in contents]
    assert store.load_all([one.blob_id for one in drafts], store.save(drafts)) == contents
    store.close()


def test_a_pack_cut_short_is_told(tmp_path):
    store = PackStore(tmp_path)
    drafts = [draft(os.urandom(300)) for _ in range(3)]
    locations = store.save(drafts)
    (pack,) = tmp_path.glob("*.pack")
    os.truncate(pack, locations[2].position + 10)
    with pytest.raises(StoreUnavailableError, match="cut short"):
        store.load_all([one.blob_id for one in drafts], locations)
    assert store.load(drafts[1].blob_id, locations[1]) == drafts[1].content
    store.close()
