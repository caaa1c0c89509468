import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postier.smtp import reason
from postier.smtp.parameters import (
    MAX_BY_SECONDS,
    MAX_ENVID_OCTETS,
    MAX_ORCPT_OCTETS,
    Body,
    DeliverBy,
    MailParameters,
    Notify,
    OriginalRecipient,
    ParameterError,
    RecipientParameters,
    Return,
    format_mail_parameters,
    format_recipient_parameters,
    parse_mail_parameters,
    parse_recipient_parameters,
)

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30)
MAIL = st.builds(
    MailParameters,
    size_bytes=st.none() | st.integers(0, 10**19),
    body=st.none() | st.sampled_from(Body),
    smtputf8=st.booleans(),
    ret=st.none() | st.sampled_from(Return),
    envid=st.none() | PRINTABLE,
    auth=st.none() | st.just("") | st.just("e=mc2@example.com"),
    requiretls=st.booleans(),
    deliver_by=st.none()
    | st.builds(DeliverBy, st.integers(-MAX_BY_SECONDS, MAX_BY_SECONDS), st.just(value=False), st.booleans())
    | st.builds(DeliverBy, st.integers(1, MAX_BY_SECONDS), st.just(value=True), st.booleans()),
)
RECIPIENT = st.builds(
    RecipientParameters,
    notify=st.none() | st.sampled_from([Notify(flags) for flags in range(8)]),
    orcpt=st.none()
    | st.builds(OriginalRecipient, st.sampled_from(["rfc822", "x400"]), PRINTABLE)
    | st.builds(
        OriginalRecipient, st.just("utf-8"), st.sampled_from(["jürgen@b.test", "a=b+c\\@b", "用户@例え"])
    ),
)


@given(MAIL)
def test_mail_round_trip(parameters):
    assert parse_mail_parameters(format_mail_parameters(parameters).encode()) == parameters


@given(RECIPIENT, st.booleans())
def test_recipient_round_trip(parameters, smtputf8):
    text = format_recipient_parameters(parameters, smtputf8=smtputf8)
    assert smtputf8 or text.isascii()
    assert parse_recipient_parameters(text.encode()) == parameters


@pytest.mark.parametrize(
    "text",
    [
        b"SIZE",
        b"SIZE=",
        b"SIZE=-1",
        b"SIZE=" + b"1" * 21,
        b"=x",
        b"-X=1",
        b"BODY",
        b"BODY=9BIT",
        b"RET=",
        b"AUTH",
        b"AUTH=<a@b>",
        b"AUTH=a",
        b"SMTPUTF8=1",
        b"ENVID=" + b"x" * (MAX_ENVID_OCTETS + 1),
        b"ENVID=+0A",
        b"ENVID=\xff",
        b"RET=FULL ret=HDRS",
        b"REQUIRETLS=1",
        b"BY",
        b"BY=1",
        b"BY=;R",
        b"BY=0;R",
        b"BY=-1;RT",
        b"BY=1;X",
        b"BY=1;RR",
        b"BY=1000000000;N",
        b"BY=1;N BY=1;N",
    ],
)
def test_malformed_mail_parameters(text):
    with pytest.raises(ParameterError) as error:
        parse_mail_parameters(text)
    assert error.value.reason.name == reason.ARGUMENT.name


@pytest.mark.parametrize(
    "text",
    [
        b"NOTIFY",
        b"NOTIFY=",
        b"NOTIFY=,",
        b"NOTIFY=ALWAYS",
        b"NOTIFY=SUCCESS,NEVER",
        b"ORCPT=a@b",
        b"ORCPT=;a@b",
        b"ORCPT=rfc822;+0D+0A",
        b"ORCPT=rfc822;\xc3\xbc",
        b"ORCPT=utf-8;\\x{0A}",
        b"ORCPT=rfc822;a ORCPT=rfc822;a",
        b"ORCPT=rfc822;" + b"x" * (MAX_ORCPT_OCTETS - 6),
    ],
)
def test_malformed_recipient_parameters(text):
    with pytest.raises(ParameterError) as error:
        parse_recipient_parameters(text)
    assert error.value.reason.name == reason.ARGUMENT.name


def test_limits_at_their_edges():
    assert parse_mail_parameters(b"ENVID=" + b"x" * MAX_ENVID_OCTETS).envid == "x" * MAX_ENVID_OCTETS
    text = b"ORCPT=rfc822;" + b"x" * (MAX_ORCPT_OCTETS - 7)
    assert parse_recipient_parameters(text).orcpt is not None
    assert parse_mail_parameters(b"SIZE=" + b"9" * 20).size_bytes == 10**20 - 1


def test_unknown_parameters():
    for parse in (parse_mail_parameters, parse_recipient_parameters):
        with pytest.raises(ParameterError) as error:
            parse(b"FOO=1")
        assert error.value.reason == reason.UNSUPPORTED_PARAMETER


@given(st.binary(max_size=60))
def test_any_octets_give_parameters_or_the_declared_error(text):
    for parse in (parse_mail_parameters, parse_recipient_parameters):
        with contextlib.suppress(ParameterError):
            parse(text)
