"""SECURITY 13: edge cases of every command, in every state: each is answered, no error of ours ends the connection."""

import pytest

from postier.imap.commands.table import VERBS
from tests.servers.imap.served import letter

ARGUMENTS = (
    "",
    " ",
    " 1",
    " *",
    " 4294967295:*",
    " 1:*,2,*:1 (FLAGS BODY[1.1.1.1]<0.1> BINARY[1.9] BINARY.SIZE[] RFC822 BODY[1.MIME])",
    " 1 BODY[HEADER.FIELDS (\\)]",
    " 1 (BODY[]<4294967295.4294967295> BODY[TEXT]<1.0>)",
    " 1 +FLAGS (\\Seen $a $A $b)",
    " 1 FLAGS ()",
    " * -FLAGS.SILENT \\Seen",
    " INBOX",
    ' ""',
    ' "" ""',
    ' "" "%*%*%*%*"',
    " 1 INBOX",
    " INBOX INBOX/x",
    " INBOX (MESSAGES)",
    " ALL",
    " NOT NOT NOT OR OR ALL ALL (((ALL)))",
    ' HEADER "" ""',
    " RETURN () $",
    " RETURN (PARTIAL -1:-4294967295 UPDATE CONTEXT COUNT) FUZZY (SUBJECT x TEXT y)",
    " (REVERSE SUBJECT DISPLAYFROM SIZE) UTF-8 ALL",
    " RETURN (RELEVANCY ALL SAVE) (RELEVANCY ARRIVAL CC DATE) US-ASCII FUZZY BODY lunch",
    " IN (selected personal subtree (INBOX x) mailboxes y) RETURN (UPDATE MIN) 1:* UID $",
    " REFERENCES UTF-8 OR 1 UID 2",
    " ORDEREDSUBJECT UTF-8 NOT $",
    " FILTER nothing",
    ' "a" b',
    " RETURN (SAVE MIN) UID $ 1:*",
    " UID 1:4294967295 BEFORE 1-Jan-9999 SINCE 1-Jan-0001",
    " SENTBEFORE 1-Jan-1970 LARGER 9223372036854775807 SMALLER 0",
    ' BODY "\\"" TEXT {0+}\r\n',
    " KEYWORD nothing UNKEYWORD nothing OLDER 4294967295 YOUNGER 1",
    " IMAP4rev2 UTF8=ACCEPT",
    ' ("name" NIL)',
    " PLAIN =",
    " PLAIN AAAA",
    " x y",
)


@pytest.mark.parametrize("state", ["before login", "logged in", "empty mailbox", "mailbox", "read-only"])
async def test_each_command_is_answered(embedded, state):
    embedded.conversation.settings = embedded.conversation.settings.__class__("mx", max_errors=1_000_000)
    verbs = [verb.decode() for verb in VERBS if verb not in {b"LOGOUT", b"IDLE", b"STARTTLS", b"LOGIN"}]
    client = await embedded.connect() if state == "before login" else await logged_in(embedded)
    for arguments in ARGUMENTS:
        for verb in verbs:
            if state == "mailbox":
                await client.command("SELECT INBOX")
            elif state == "read-only":
                await client.command("EXAMINE INBOX")
            elif state == "empty mailbox":
                await client.command("SELECT Archive")
            client.send(f"q {verb}{arguments}\r\n")
            while not (line := await client.line()).startswith(b"q "):
                assert line.startswith((b"* ", b"+ ")), (verb, arguments, line)
                assert not line.startswith(b"* BYE"), (verb, arguments, line)
                if line.startswith(b"+ "):
                    client.send("*\r\n")


async def logged_in(embedded):
    embedded.conversation.settings = embedded.conversation.settings.__class__(
        "mx", max_errors=1_000_000, is_plaintext_login_allowed=True
    )
    client = await embedded.login()
    for number in range(3):
        await client.append(letter(number))
    return client
