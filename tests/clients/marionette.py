"""Thunderbird without a screen, driven by its own remote control, Marionette: a script is run in its main window.

Its profile and home are a folder of the test's; every name that it looks up is this machine, so it reaches nothing else.
"""

import json
import os
import queue
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.programs import program

ACTS = Path(__file__).with_name("thunderbird.js")
START_LIMIT_S = 60
ACT_LIMIT_S = 30
STOP_LIMIT_S = 20
PREFERENCES = {
    "marionette.port": 0,  # any that is free
    "network.dns.forceResolve": "127.0.0.1",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "extensions.blocklist.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.provider.enabled": False,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.auto_config.fetchFromISP.enabled": False,
    "mail.compose.attachment_reminder": False,
    "mailnews.mark_message_read.auto": True,
}


class Thunderbird:
    """A running Thunderbird."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=2 * ACT_LIMIT_S)
        self._file = self._socket.makefile("rb")
        self._count = 0
        self._read()  # its greeting
        self._command("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        self._command("Marionette:SetContext", value="chrome")
        self._command("WebDriver:SetTimeouts", script=ACT_LIMIT_S * 1000)

    def act(self, name: str, /, **needs: object) -> object:
        """Have it do one of the acts of thunderbird.js; raises AssertionError with its reason, or with what it complains of."""
        try:
            return self._run(name, needs)
        except AssertionError as fault:
            raise AssertionError(f"{name}: {fault}; dialogues: {self._run('complaints', {})}") from None

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def _run(self, name: str, needs: dict[str, object]) -> object:
        script = ACTS.read_text(encoding="utf-8")
        return self._command("WebDriver:ExecuteScript", script=script, args=[name, needs], sandbox="system")[
            "value"
        ]

    def _command(self, name: str, **parameters: object) -> dict[str, object]:
        self._count += 1
        text = json.dumps([0, self._count, name, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(text), text))
        _, _, error, result = self._read()
        assert error is None, f"{error['error']}: {error['message']}"
        return result

    def _read(self) -> object:
        digits = b""
        while (one := self._file.read(1)) != b":":
            assert one, "Thunderbird hung up"
            digits += one
        return json.loads(self._file.read(int(digits)))


@contextmanager
def thunderbird(folder: Path) -> Iterator[Thunderbird]:
    """Thunderbird with a new profile in `folder`, until the block ends."""
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(
        "".join(f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in PREFERENCES.items())
    )
    process = subprocess.Popen(
        [
            *(program("thunderbird"), "--headless", "--no-remote", "--profile", str(profile)),
            *("--marionette", "--remote-allow-system-access"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    ports: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    reading = threading.Thread(target=_read_output, args=(process, ports))
    reading.start()
    try:
        port = ports.get(timeout=START_LIMIT_S)
        assert port is not None, "Thunderbird ended at once"
        running = Thunderbird(port)
        yield running
        running.close()
    finally:
        process.terminate()
        process.wait(STOP_LIMIT_S)
        reading.join()


def _read_output(process: subprocess.Popen[bytes], ports: "queue.SimpleQueue[int | None]") -> None:
    """Take all that it prints, lest it wait for us; what matters is the port."""
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            found = re.search(rb"Marionette.*Listening on port ([0-9]+)", line)
            if found:
                ports.put(int(found[1]))
    ports.put(None)
