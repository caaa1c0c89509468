import msgspec
import pytest

from postier.app import metrics
from postier.app.metrics import (
    CATALOGUE,
    CONNECTIONS,
    CONNECTIONS_OPEN,
    MESSAGE_BYTES,
    RECEIVE_SECONDS,
    Metrics,
    exposition,
)


def test_the_snapshots_of_workers_are_added_up():
    first, second = Metrics(), Metrics()
    first.count(CONNECTIONS, "smtp")
    second.count(CONNECTIONS, "smtp", by=2)
    second.count(CONNECTIONS, "imap")
    first.count(CONNECTIONS_OPEN, "smtp", by=3)
    first.count(CONNECTIONS_OPEN, "smtp", by=-1)
    second.set(CONNECTIONS_OPEN, "smtp", to=5)
    first.observe(MESSAGE_BYTES, value=4096)
    second.observe(MESSAGE_BYTES, value=50)
    text = exposition([first.snapshot(), second.snapshot()]).decode()
    assert 'postier_connections_total{protocol="smtp"} 3.0' in text
    assert 'postier_connections_total{protocol="imap"} 1.0' in text
    assert 'postier_connections_open{protocol="smtp"} 7.0' in text
    assert 'postier_message_bytes_bucket{le="1000.0"} 1.0' in text
    assert 'postier_message_bytes_bucket{le="10000.0"} 2.0' in text
    assert 'postier_message_bytes_bucket{le="+Inf"} 2.0' in text
    assert "postier_message_bytes_count 2.0" in text
    assert "postier_message_bytes_sum 4146.0" in text
    assert "# TYPE postier_connections_total counter" in text


def test_a_bucket_holds_its_bound_and_what_is_larger_than_all_bounds_is_counted():
    counted = Metrics()
    for value in (1e3, 1e8, 1e8 + 1):
        counted.observe(MESSAGE_BYTES, value=value)
    text = exposition([counted.snapshot()]).decode()
    assert 'postier_message_bytes_bucket{le="1000.0"} 1.0' in text
    assert 'postier_message_bytes_bucket{le="1e+08"} 2.0' in text
    assert 'postier_message_bytes_bucket{le="+Inf"} 3.0' in text


def test_series_are_bounded(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_SERIES", 2)
    counted = Metrics()
    for name in ("a", "b", "c", "d"):
        counted.count(CONNECTIONS, name)
        counted.observe(RECEIVE_SECONDS, name, value=0.1)
    text = exposition([counted.snapshot()]).decode()
    assert 'postier_connections_total{protocol="other"} 2.0' in text
    assert 'postier_receive_seconds_count{protocol="other"} 2.0' in text
    assert 'protocol="c"' not in text


def test_foreign_bytes_are_refused():
    with pytest.raises(msgspec.MsgspecError):
        exposition([b"\x00"])


def test_declarations_are_whole():
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.help.endswith(".")
        assert metric.name.endswith("_total") == (metric.kind.value == "counter")
        assert bool(metric.buckets) == (metric.kind.value == "histogram")
