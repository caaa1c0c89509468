"""Criteria of SORT."""

from postier.imap.sorting import SortField, SortKey, effective


def test_a_field_decides_once():
    keys = [
        SortKey(SortField.SUBJECT),
        SortKey(SortField.DATE),
        SortKey(SortField.SUBJECT, is_reverse=True),
    ]
    assert effective(keys) == (SortKey(SortField.SUBJECT), SortKey(SortField.DATE))
