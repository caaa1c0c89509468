"""getmail6, which keeps the unique ids that it has seen, and fetchmail: mail is taken once, left or deleted."""

import pytest

from postier.app.demo.node import HOST
from tests.clients.letters import arrived, fill, letter
from tests.clients.programs import done

pytestmark = pytest.mark.xdist_group("clients")

GETMAIL = """\
[retriever]
type = SimplePOP3SSLRetriever
server = {host}
port = {port}
username = {user}
password = {password}
ca_certs = {certificate}
ssl_cert_hostname = {hostname}
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >> {folder}/taken")
allow_root_commands = true
[options]
delete = {delete}
read_all = false
message_log = {folder}/log
delivered_to = false
received = false
"""
FETCHMAIL = """\
poll {host} service {port} protocol pop3 uidl
    user "{user}" password "{password}" {tls} sslcertfile "{certificate}" sslcertck
    {keep} mda "cat >> {folder}/taken"
"""


def getmail(account, folder, *, delete):
    (folder / "getmailrc").write_text(
        GETMAIL.format(
            host=HOST,
            port=account.ports.pop3s,
            user=account.address,
            password=account.password,
            certificate=account.certificate,
            hostname=account.hostname,
            folder=folder,
            delete=str(delete).lower(),
        )
    )
    done("getmail", "--getmaildir", folder, "--rcfile", "getmailrc", folder=folder)
    return (folder / "taken").read_bytes()


def test_getmail_takes_each_letter_once_and_leaves_it(alice, tmp_path):
    first, second = letter(alice, subject="One"), letter(alice, subject="Two", body=".\r\n..\r\n")
    fill(alice, first)
    assert getmail(alice, tmp_path, delete=False).count(b"Subject: ") == 1
    fill(alice, second)
    taken = getmail(alice, tmp_path, delete=False)
    assert taken.count(b"Subject: ") == 2
    assert taken.endswith(second.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"))
    assert arrived(alice, 2) == [first, second]


def test_getmail_deletes(alice, tmp_path):
    fill(alice, letter(alice, subject="One"), letter(alice, subject="Two"))
    assert getmail(alice, tmp_path, delete=True).count(b"Subject: ") == 2
    assert arrived(alice, 0) == []
    assert getmail(alice, tmp_path, delete=True).count(b"Subject: ") == 2


@pytest.mark.parametrize("tls", ["ssl", "sslproto tls1.2+"])
@pytest.mark.parametrize("keep", ["keep", "no keep"])
def test_fetchmail(alice, tmp_path, tls, keep):
    fill(alice, letter(alice, subject="One"), letter(alice, subject="Two", body=".\r\n..\r\n"))
    ports = alice.ports
    file = tmp_path / "fetchmailrc"
    file.write_text(
        FETCHMAIL.format(
            host="localhost",
            port=ports.pop3s if tls == "ssl" else ports.pop3,
            user=alice.address,
            password=alice.password,
            tls=tls,
            certificate=alice.certificate,
            keep=keep,
            folder=tmp_path,
        ).replace(" sslcertck", " no sslcertck")  # it is dialled by address, and the name is checked too
    )
    file.chmod(0o600)
    done(
        "fetchmail", "-f", file, "--idfile", tmp_path / "ids", "--pidfile", tmp_path / "pid", folder=tmp_path
    )
    taken = (tmp_path / "taken").read_bytes()
    assert taken.count(b"Subject: ") == 2
    assert taken.endswith(b".\n..\n")
    left = 2 if keep == "keep" else 0
    assert len(arrived(alice, left)) == left
