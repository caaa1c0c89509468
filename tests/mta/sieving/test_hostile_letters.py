"""Any letter, through a script that uses what there is: an answer, and the letter is kept."""

import pytest

from postier.mailbox.verify import check_account
from tests.mta.sieving.scripted import ZONES, give, told
from tests.servers.smtp_server import letters

SCRIPT = """
require ["fileinto", "mailbox", "variables", "vacation", "enotify", "editheader", "regex", "date", "body", "copy", "mime",
    "foreverypart", "replace", "enclose", "extracttext", "duplicate", "imap4flags", "envelope", "subaddress", "index", "fcc",
    "include", "environment", "spamtest", "relational", "comparator-i;ascii-numeric", "special-use"];
if header :matches "subject" "*" { set "subject" "${1}"; }
if header :regex ["from", "to"] "(.*)@(.*)" { set "who" "${1}"; addflag "${who} ${subject}"; }
if address :matches "from" "*@*" { set "at" "${2}"; }
if body :text :contains "x" { addflag "text"; }
if date :value "ge" "date" "year" "2000" { addflag "dated"; }
if duplicate :header "x-id" { addflag "again"; }
foreverypart { if header :mime :contenttype "content-type" "text/html" { replace "gone: ${subject}"; } }
addheader "X-Subject" "${subject}";
deleteheader :index 1 :last "received";
vacation :fcc "Out" :create :subject "Re: ${subject}" "About ${subject} from ${who}";
notify :message "${subject}" "mailto:p@x.test?subject=y&x-a=b";
redirect :copy "c@x.test";
fileinto :copy :create "L/${subject}";
fileinto :create "${at}";
keep;
"""
HEAD = b"From: a@b.test\r\nTo: alice@alpha.test\r\n"
LETTERS = {
    "nothing": b"\r\n",
    "no header": b"hello\r\n",
    "no body": HEAD,
    "octets": bytes(each for each in range(1, 256) if each not in b"\r\n") + b"\r\n\r\n\xff\xfe\r\n",
    "a subject of octets": HEAD + b"Subject: \xff\xfe\x80\x01\r\n\r\nx\r\n",
    "a long subject": HEAD + b"Subject: " + b"a" * 5_000 + b"\r\n\r\nx\r\n",
    "a path as subject": HEAD + b"Subject: ../../etc/passwd\r\n\r\nx\r\n",
    "a subject that is a mailbox name that can't be": HEAD + b"Subject: #a//b\r\n\r\nx\r\n",
    "an encoded line end": HEAD + b"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y.test=00?=\r\n\r\nx\r\n",
    "a broken address": b"From: <<>>,;:@\r\nTo: alice@alpha.test\r\n\r\nx\r\n",
    "ids": HEAD + b"Message-ID: <\xff>\r\nReferences: <a> <b c> <\x01>\r\nX-Id: \xff\r\n\r\nx\r\n",
    "a broken multipart": HEAD
    + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/html\r\n\r\n<b\r\n",
    "deep parts": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200))
    + b"\r\nx\r\n",
    "many fields": HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(3_000)) + b"\r\nx\r\n",
    "html": HEAD + b"Content-Type: text/html; charset=x\r\n\r\n<script>x</script>\r\n",
    "another charset": HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B\xff\r\n",
    "our own results": HEAD + b"Authentication-Results: mx.alpha.test; dkim=pass\r\nSubject: \r\n\r\nx\r\n",
}


@pytest.mark.parametrize("name", LETTERS)
async def test_it_is_kept(start, store, name):
    node = await start(zones=ZONES)
    await give(store, SCRIPT)
    client = await node.greeted()
    reply = await client.mail("zoe@honest.test", "alice@alpha.test", letter=LETTERS[name])
    assert reply.startswith("250 "), reply
    assert len(await letters(store, "alice@alpha.test")) >= 1
    (said,) = await told(store)
    assert "fault" not in said
    assert "is not right" not in said
    assert [each for each in await store.read(check_account, 1) if "used" not in each.kind.value] == []
