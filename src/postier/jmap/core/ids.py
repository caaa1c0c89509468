"""The small types that arguments are made of. Source: RFC 8620 §1.2, §1.3. Not here: whose record an id names."""

import re
from typing import Annotated

from msgspec import Meta

MAX_ID_CHARACTERS = 255
MAX_SAFE_INTEGER = 2**53 - 1  # what a double holds exactly

_ID = f"[A-Za-z0-9_-]{{1,{MAX_ID_CHARACTERS}}}"
_IS_ID = re.compile(_ID)

Id = Annotated[str, Meta(pattern=rf"\A{_ID}\Z")]
IdOrCreation = Annotated[str, Meta(pattern=rf"\A#?{_ID}\Z")]  # RFC 8620 §5.3: "#" and a creation id
Int = Annotated[int, Meta(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
UnsignedInt = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
PositiveInt = Annotated[int, Meta(ge=1, le=MAX_SAFE_INTEGER)]


def is_id(text: str) -> bool:
    """Whether it could be the id of a record."""
    return _IS_ID.fullmatch(text) is not None
