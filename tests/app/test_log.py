import base64
import json
import logging
import sys
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postier.app import log
from postier.app.settings import Log, LogFormat, LogLevel


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    log.configure(Log())
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)


def lines_of(style=LogFormat.JSON, level=LogLevel.DEBUG, **context):
    lines = []
    log.configure(Log(level=level, format=style), lines.append, **context)
    return lines


def test_a_line_is_one_json_object():
    lines = lines_of(worker=3)
    log.logger("smtp", trace="abc").info("message accepted", size=4096, peer="192.0.2.1")
    entry = json.loads(lines[0])
    assert lines[0].endswith(b"}\n")
    assert entry.pop("time")[10] == "T"
    assert list(entry) == ["level", "event", "worker", "area", "trace", "size", "peer"]
    assert (entry["level"], entry["size"], entry["trace"]) == ("info", 4096, "abc")


def test_levels_below_are_not_written_and_change_for_later_loggers():
    lines = lines_of(level=LogLevel.WARNING)
    log.logger("a").info("no")
    log.logger("a").error("yes")
    assert len(lines) == 1
    lines = lines_of(level=LogLevel.DEBUG)
    log.logger("a").debug("now")
    assert len(lines) == 1


@pytest.mark.parametrize(
    "key", ["password", "new_password", "Authorization", "api_token", "client_secret", "credentials"]
)
@pytest.mark.parametrize("style", [LogFormat.JSON, LogFormat.CONSOLE])
def test_secrets_are_hidden(key, style):
    lines = lines_of(style)
    log.logger("a").info("login", **{key: "hunter2"}, user="alice")
    log.logger("a").info("login", **{key: b"hunter2"}, user="alice")
    assert all(b"hunter2" not in line and b"[redacted]" in line and b"alice" in line for line in lines)


@pytest.mark.parametrize(
    "hostile", ["a\nb", "a\r\nb", "\x1b[31m", "\x9b31m", "\u202eabc", "\u2028", "\x00", "\ud800"]
)
def test_a_peer_can_not_start_a_line_or_command_a_terminal(hostile):
    for style in (LogFormat.JSON, LogFormat.CONSOLE):
        lines = lines_of(style)
        log.logger("a").info(
            "helo", name=hostile, raw=hostile.encode("utf-8", "surrogatepass"), other=[hostile]
        )
        assert len(lines) == 1
        assert lines[0].count(b"\n") == 1
        if style is LogFormat.CONSOLE:
            assert lines[0][:-1].decode().isprintable()


class Unprintable:
    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


def test_strange_values_never_raise():
    for style in (LogFormat.JSON, LogFormat.CONSOLE):
        lines = lines_of(style)
        log.logger("a").info("x", value=Unprintable(), big="x" * 100_000, raw=b"\xff" * 100_000, n=2**200)
        assert len(lines) == 1
        assert len(lines[0]) < 40_000


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.text("abcdef", min_size=1), st.text() | st.binary() | st.integers() | st.none() | st.floats()
    )
)
def test_any_values_give_one_line(fields):
    for style in (LogFormat.JSON, LogFormat.CONSOLE):
        lines = lines_of(style)
        log.logger("x").info("e", **fields)
        assert len(lines) == 1
        assert lines[0].count(b"\n") == 1


def test_errors_carry_their_traceback():
    lines = lines_of()
    try:
        raise KeyError("x")
    except KeyError:
        log.logger("a").exception("failed")
    entry = json.loads(lines[0])
    assert entry["error"] == "KeyError: 'x'"
    assert "test_errors_carry" in entry["traceback"]
    lines = lines_of(LogFormat.CONSOLE)
    log.logger("a").error("failed", exc_info=ValueError("y\nz"))
    assert all(line.startswith(b"    ") for line in lines[0].splitlines()[1:])


def test_what_libraries_log_arrives():
    lines = lines_of()
    logging.getLogger("asyncio").error("task %s lost", 3)
    try:
        raise ValueError
    except ValueError:
        logging.getLogger("asyncio").exception("gone")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old", stacklevel=1)
    entries = [json.loads(line) for line in lines]
    assert [(e["area"], e["level"]) for e in entries] == [
        ("asyncio", "error"),
        ("asyncio", "error"),
        ("py.warnings", "warning"),
    ]
    assert entries[0]["event"] == "task 3 lost"
    assert "ValueError" in entries[1]["traceback"]


def test_standard_error_is_the_default(capfd):
    log.configure(Log(format=LogFormat.CONSOLE))
    log.logger("a").info("to standard error", x=1)
    out, err = capfd.readouterr()
    assert (out, err.split(maxsplit=1)[1]) == ("", "info    to standard error area=a x=1\n")
    assert not sys.stderr.isatty()


def test_trace_ids_sort_by_time():
    ids = [log.trace_id(1_700_000_000 + i / 1000 + 0.0001, bytes([255 - i] * 10)) for i in range(50)]
    assert ids == sorted(ids)
    assert {len(i) for i in ids} == {log.TRACE_CHARACTERS}
    assert base64.b32hexdecode(ids[0].upper() + "======")[6:] == b"\xff" * 10
    assert log.new_trace_id() != log.new_trace_id()
    with pytest.raises(ValueError, match="10 random bytes"):
        log.trace_id(0, b"")
