"""The log: one line an event on standard error, as JSON or for people, with the trace id of its connection.

Not here: traces of messages kept in the store. Source of the line format: RFC 8259 (one object a line). Invariants:
a log call never raises and never waits for more than one write(2); secrets never reach the line; nothing that a
peer sent can start a new line or reach a terminal as a control character.
"""

import base64
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from postier.app.settings import Log, LogFormat

TRACE_RANDOM_BYTES = 10
TRACE_CHARACTERS = 26
MAX_VALUE_CHARACTERS = 4096  # of one value of a line
REDACTED = "[redacted]"

_SECRET_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "credential",
    "private_key",
)
_ERROR_NUMBER = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_encoder = msgspec.json.Encoder(enc_hook=str)
_is_secret: dict[str, bool] = {}  # keys of log calls are written in code, so this stays small


def trace_id(now_s: float, randomness: bytes) -> str:
    """A 128-bit id that sorts by time: 48 bits of milliseconds and 80 random bits, 26 characters of base32hex."""
    if len(randomness) != TRACE_RANDOM_BYTES:
        raise ValueError(f"a trace id takes {TRACE_RANDOM_BYTES} random bytes")
    stamp = int(now_s * 1000).to_bytes(6, "big")
    return base64.b32hexencode(stamp + randomness)[:TRACE_CHARACTERS].decode("ascii").lower()  # RFC 4648 §7


def new_trace_id() -> str:
    """A trace id of this moment, with the system's randomness."""
    return trace_id(time.time(), os.urandom(TRACE_RANDOM_BYTES))


def logger(area: str, **context: object) -> FilteringBoundLogger:
    """A logger bound to its area and context; take one per connection with `trace=...` bound."""
    bound: FilteringBoundLogger = structlog.get_logger().bind(area=area, **context)
    return bound


def configure(log: Log, write: Callable[[bytes], None] | None = None, **context: object) -> None:
    """Make the log what the settings say, in this process; loggers taken later follow. `context` is in each line.

    `write` takes one whole line with its end; by default it goes to standard error.
    """
    console = log.format is LogFormat.CONSOLE or (log.format is LogFormat.AUTO and sys.stderr.isatty())
    level = _ERROR_NUMBER[log.level.value]
    structlog.configure(
        processors=[_ConsoleLine(context) if console else _JsonLine(context)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LineFactory(write or _write_standard_error),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_FromLogging()]
    root.setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


class _Line:
    """Where structlog's last step leaves the rendered line."""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def msg(self, line: bytes) -> None:
        self._write(line)

    debug = info = warning = warn = error = critical = exception = failure = fatal = log = msg


class _LineFactory:
    """What structlog calls for each new logger."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._line = _Line(write)

    def __call__(self, *_: object) -> _Line:
        return self._line


def _write_standard_error(line: bytes) -> None:
    try:
        os.write(2, line)
    except OSError:  # a closed or full log must not end a connection
        return


def _safe(event: MutableMapping[str, object]) -> None:
    """Hide secrets and turn bytes and errors into short text, in place."""
    for key, value in event.items():
        kind = type(value)
        if kind is str:
            if len(value) > MAX_VALUE_CHARACTERS:  # type: ignore[arg-type]  # it is a str
                event[key] = value[:MAX_VALUE_CHARACTERS] + "…"  # type: ignore[index]
        elif kind is bytes:
            event[key] = value[:MAX_VALUE_CHARACTERS].decode("utf-8", "backslashreplace")  # type: ignore[index]
        secret = _is_secret.get(key)
        if secret is None:
            secret = _is_secret[key] = any(word in key.lower() for word in _SECRET_WORDS)
        if secret:
            event[key] = REDACTED
    if "exc_info" in event:
        _put_traceback(event)


def _put_traceback(event: MutableMapping[str, object]) -> None:
    error = event.pop("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__name__}: {error}"[:MAX_VALUE_CHARACTERS]
        event["traceback"] = "".join(traceback.format_exception(error))[-2 * MAX_VALUE_CHARACTERS :]


class _JsonLine:
    """Renders an event as one JSON object: time, level, event, then the rest."""

    def __init__(self, context: Mapping[str, object]) -> None:
        self._context = dict(context)
        self._second = -1
        self._stamp = ""

    def __call__(self, _: object, method: str, event: MutableMapping[str, object]) -> bytes:
        _safe(event)
        name = event.pop("event", "")
        line = {"time": self._time(), "level": method, "event": name, **self._context, **event}
        try:
            return _encoder.encode(line) + b"\n"
        except Exception:  # lone surrogates, or an object whose str() fails
            return _encoder.encode({key: ascii_of(value) for key, value in line.items()}) + b"\n"

    def _time(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{int((now - second) * 1000):03}Z"


class _ConsoleLine:
    """Renders an event for people: time, level, event, then key=value with everything unprintable escaped."""

    def __init__(self, context: Mapping[str, object]) -> None:
        self._context = dict(context)

    def __call__(self, _: object, method: str, event: MutableMapping[str, object]) -> bytes:
        _safe(event)
        name = event.pop("event", "")
        trace = event.pop("traceback", "")
        pairs = "".join(f" {key}={_plain(value)}" for key, value in (self._context | dict(event)).items())
        line = f"{time.strftime('%H:%M:%S')} {method:<7} {_plain(name, may_have_spaces=True)}{pairs}\n"
        if isinstance(trace, str) and trace:
            line += "".join(f"    {_plain(row, may_have_spaces=True)}\n" for row in trace.splitlines())
        return line.encode("utf-8", "backslashreplace")


def _plain(value: object, *, may_have_spaces: bool = False) -> str:
    text = value if isinstance(value, str) else ascii_of(value)
    if text.isprintable() and text and '"' not in text and (may_have_spaces or " " not in text):
        return text
    return '"' + "".join(c if c.isprintable() and c != '"' else ascii(c)[1:-1] for c in text) + '"'


def ascii_of(value: object) -> str:
    """Text of any object in ASCII, whatever its own str() does."""
    try:
        return str(value).encode("ascii", "backslashreplace").decode("ascii")
    except Exception:
        return f"<{type(value).__name__}>"


class _FromLogging(logging.Handler):
    """Takes what libraries say through the standard `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            write = getattr(logger(record.name), record.levelname.lower(), logger(record.name).error)
            if record.exc_info:
                write(record.getMessage(), exc_info=record.exc_info)
            else:
                write(record.getMessage())
        except Exception:
            self.handleError(record)
