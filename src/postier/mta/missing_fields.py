"""What a client left out of a letter that it sends: Message-ID, Date, From. Source: RFC 6409 §8."""

from postier.mime.address import Address
from postier.mime.dates import format_date
from postier.mime.headers import HeaderSection


def missing_fields(
    header: HeaderSection, *, author: Address, id_text: str, hostname: str, now_s: int
) -> tuple[bytes, str]:
    """The fields to put on top, and the letter's Message-ID."""
    added = []
    message_id = header.first(b"message-id")
    if message_id is None:  # RFC 6409 §8.3
        message_id = f"<{id_text}@{hostname}>".encode()
        added.append(b"Message-ID: " + message_id)
    if header.first(b"date") is None:  # RFC 6409 §8.2
        added.append(b"Date: " + format_date(now_s).encode())
    if header.first(b"from") is None:
        added.append(b"From: " + str(author).encode())
    return b"".join(line + b"\r\n" for line in added), message_id.decode("utf-8", "replace")
