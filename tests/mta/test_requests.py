"""What a sender asked to be told goes into the queue's rows and comes out the same; aliases and strangers take some of it away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.mime.address import Address
from postier.mta import requests
from postier.mta.requests import Asked
from postier.smtp.parameters import (
    MAX_BY_SECONDS,
    MAX_ORCPT_OCTETS,
    NO_RECIPIENT_PARAMETERS,
    DeliverBy,
    MailParameters,
    Notify,
    OriginalRecipient,
    RecipientParameters,
    Return,
    parse_recipient_parameters,
)

CAROL = Address("carol", "a.test")
NOTIFY = st.none() | st.sampled_from([Notify(flags) for flags in range(8)])


@given(
    NOTIFY, st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=100)
)
def test_rows_hold_what_was_said(notify, address):
    orcpt = None if address is None else OriginalRecipient("rfc822", address)
    said = RecipientParameters(notify, orcpt)
    assert requests.recipient_parameters(*requests.recipient_columns(said)) == said


@pytest.mark.parametrize("sign", ["+2B", "a", "+41"])
def test_the_longest_orcpt_comes_out_again(sign):
    room = MAX_ORCPT_OCTETS - len("RFC822;")
    said = parse_recipient_parameters(f"ORCPT=RFC822;{sign * (room // len(sign))}".encode())
    assert requests.recipient_parameters(*requests.recipient_columns(said)) == said
    assert said.orcpt.address_type == "RFC822"


def test_utf8_addresses_too():
    said = parse_recipient_parameters(rb"ORCPT=utf-8;j\x{FC}rgen\x{2B}x@b.test")
    assert requests.recipient_columns(said) == ("", r"utf-8;jürgen\x{2B}x@b.test")
    assert requests.recipient_parameters(*requests.recipient_columns(said)) == said


def test_a_row_that_holds_nonsense_asks_for_nothing():
    assert requests.recipient_parameters("SOMETIMES", "") == NO_RECIPIENT_PARAMETERS


@given(
    st.none() | st.sampled_from(Return),
    st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30),
    st.none() | st.builds(DeliverBy, st.integers(1, MAX_BY_SECONDS), st.booleans(), st.booleans()),
)
def test_so_do_those_of_letters(ret, envid, by):
    said = MailParameters(ret=ret, envid=envid, deliver_by=by)
    now_us = 1_790_000_000_000_000
    again = requests.mail_parameters(
        smtputf8=False,
        requires_tls=False,
        ret=requests.ret_column(said),
        envid=requests.envid_column(said),
        deadline=requests.deadline_of(*requests.by_columns(said, now_us)),
        now_us=now_us,
    )
    assert again == said


@pytest.mark.parametrize("seconds", [MAX_BY_SECONDS + 1, 10**30])
def test_times_are_bounded(seconds):
    at_us, mode = requests.by_columns(MailParameters(deliver_by=DeliverBy(seconds, is_traced=True)), 0)
    assert (at_us, mode) == (MAX_BY_SECONDS * 1_000_000, "NT")


def test_time_runs():
    deadline = requests.deadline_of(5_000_000, "R")
    assert deadline.left(2_500_000) == DeliverBy(2, is_return=True)
    assert deadline.left(9_000_000).seconds == -4
    assert not deadline.is_over(4_999_999)
    assert deadline.is_over(5_000_000)


@pytest.mark.parametrize(
    ("notify", "failure", "delay", "success"),
    [
        (None, True, True, False),
        (Notify.NEVER, False, False, False),
        (Notify.SUCCESS, False, False, True),
        (Notify.DELAY, False, True, False),
    ],
)
def test_what_is_wanted(notify, failure, delay, success):
    asked = [requests.is_wanted(notify, each) for each in (Notify.FAILURE, Notify.DELAY, Notify.SUCCESS)]
    assert asked == [failure, delay, success]


@given(NOTIFY, NOTIFY)
def test_no_request_is_lost_where_two_ways_meet(one, other):
    both = requests.merged(RecipientParameters(one), RecipientParameters(other)).notify
    for what in (Notify.SUCCESS, Notify.FAILURE, Notify.DELAY):
        wanted = requests.is_wanted(one, what) or requests.is_wanted(other, what)
        assert requests.is_wanted(both, what) == wanted


def test_an_alias_for_several_keeps_success_to_itself():
    orcpt = OriginalRecipient("rfc822", "a")
    said = RecipientParameters(Notify.SUCCESS | Notify.FAILURE, orcpt)
    assert requests.without_success(said) == RecipientParameters(Notify.FAILURE, orcpt)
    assert requests.without_success(RecipientParameters(None, orcpt)).notify is None
    assert [Asked(CAROL, said, *way).is_expanded for way in (((1,), 0), ((), 1), ((1,), 1), ((1, 2), 0))] == [
        False,
        False,
        True,
        True,
    ]


def test_what_a_stranger_may_ask():
    strict = MailParameters(
        ret=Return.FULL, envid="x", deliver_by=DeliverBy(9, is_return=True, is_traced=True)
    )
    assert requests.restrained_mail(strict) == MailParameters(
        ret=Return.HEADERS, envid="x", deliver_by=DeliverBy(9, is_return=True)
    )
    assert requests.restrained_mail(MailParameters(deliver_by=DeliverBy(9))) == MailParameters()
    plain = MailParameters(size_bytes=1)
    assert requests.restrained_mail(plain) is plain
