from postier.mime.index import index_message, load_parts


def test_a_plain_letter_is_indexed() -> None:
    raw = b"From: Alice <alice@alpha.test>\r\nSubject: Re: Lunch\r\n\r\nAt noon?\r\n"
    index = index_message(raw)
    assert index.base_subject == "Lunch"
    assert index.preview == "At noon?"
    assert index.header_size == raw.index(b"\r\n\r\n") + 4
    assert load_parts(index.parts).path == "1"
