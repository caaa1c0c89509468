"""neomutt opens a mailbox and saves a letter, driven by its own commands on a terminal of its own."""

from pathlib import Path

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import fill, letter, mailbox
from tests.clients.programs import done
from tests.clients.two_servers import Account

pytestmark = pytest.mark.xdist_group("clients")

KEYS = "<save-message>{folder}/saved<enter><quit>"


@pytest.mark.parametrize("secure", [False, True], ids=["starttls", "implicit"])
def test_a_letter_is_read_and_moved_out(alice: Account, tmp_path: Path, *, secure: bool) -> None:
    fill(alice, letter(alice, subject="for neomutt"))
    scheme, port = ("imaps", alice.ports.imaps) if secure else ("imap", alice.ports.imap)
    (tmp_path / "muttrc").write_text(
        f'set imap_user="{alice.address}"\nset imap_pass="{alice.password}"\n'
        f"set ssl_starttls=yes\nset ssl_force_tls=yes\nset ssl_verify_host=no\nset certificate_file={alice.certificate}\n"
        "set mbox_type=mbox\nset confirmcreate=no\nset confirmappend=no\nset delete=yes\nset quit=yes\nset mail_check=0\n"
        f"set folder={tmp_path}\nset move=no\npush '{KEYS.format(folder=tmp_path)}'\n"
    )
    command = f"neomutt -n -F muttrc -f {scheme}://{HOST}:{port}/INBOX"
    done("script", "--quiet", "--return", "--command", command, "typescript", folder=tmp_path, TERM="xterm")
    assert b"Subject: for neomutt" in (tmp_path / "saved").read_bytes()
    with mailbox(alice) as client:
        assert client.search(["ALL"]) == []
