"""The limits that a session announces. Source: RFC 8620 §2. Not here: those that clients are not told (beside what they bound)."""

import msgspec


class CoreLimits(msgspec.Struct, frozen=True, rename="camel"):
    """The numbers of the core capability, under the names that RFC 8620 gives them."""

    max_size_upload: int = 50_000_000  # octets
    max_concurrent_upload: int = 4  # of one user
    max_size_request: int = 10_000_000  # octets
    max_concurrent_requests: int = 4  # of one user
    max_calls_in_request: int = 32  # a client that starts makes about ten
    max_objects_in_get: int = 500  # whole letters may be asked for
    max_objects_in_set: int = 500  # created, changed and destroyed together
