"""Time: is the clock kept right? Signatures, certificates and one-time codes fail on a wrong one.

Source: adjtimex(2).
"""

import ctypes

from postier.app.doctor.finding import Finding, State

PART = "time"
TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex has 208 octets on 64-bit Linux; all zero it only reads


def examine_clock() -> Finding:
    """What the kernel says about its clock."""
    state = _kernel_state()
    if state == TIME_ERROR:
        says = "the kernel says that nothing keeps the clock right"
        return Finding(PART, State.WARNING, says, "run chrony or systemd-timesyncd: timedatectl set-ntp true")
    if state < 0:
        return Finding(
            PART, State.WARNING, "the kernel does not tell whether the clock is right", "timedatectl"
        )
    return Finding(PART, State.FINE, "the clock is kept right")


def _kernel_state() -> int:
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return -1
