import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mailauth.tags import MAX_TAGS, TagError, parse_tags, unfolded, words


def test_tags_in_order_with_folding():
    assert parse_tags(" v = 1 ;\r\n\ta=rsa-sha256; b=ab\r\n cd ;") == {
        "v": "1",
        "a": "rsa-sha256",
        "b": "ab\r\n cd",
    }


def test_values_may_be_empty_and_hold_equals_signs():
    assert parse_tags("p=; b=QQ==") == {"p": "", "b": "QQ=="}


@pytest.mark.parametrize("text", ["a", "=x", "a=1;;b=2", "1a=x", "a b=x", "_=x", "a=1; a=2", "a=1; junk"])
def test_refused_whole(text):
    with pytest.raises(TagError):
        parse_tags(text)


def test_case_of_names_matters():  # RFC 6376 §3.2
    assert parse_tags("s=1; S=2") == {"s": "1", "S": "2"}


def test_tag_limit():
    assert len(parse_tags("".join(f"t{index}=1;" for index in range(MAX_TAGS)))) == MAX_TAGS
    with pytest.raises(TagError):
        parse_tags("".join(f"t{index}=1;" for index in range(MAX_TAGS + 2)))


def test_unfolded_and_words():
    assert unfolded("a b\r\n\tc") == "abc"
    assert words("SHA256 : sha1") == ["sha256", "sha1"]


@given(st.text())
def test_any_text(text):
    try:
        tags = parse_tags(text)
    except TagError:
        return
    assert all(name for name in tags)
