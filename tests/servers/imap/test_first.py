from tests.servers.imap.served import letter


async def test_session(served):
    client = await served.login()
    print(client.greeting)
    for text in ["CAPABILITY", "NAMESPACE", 'LIST "" *', "SELECT INBOX", "ID NIL"]:
        print(await client.command(text))
    print(await client.append(letter(1)))
    print(await client.append(letter(2), rest="(\\Flagged $Foo) "))
    for text in [
        "NOOP",
        "FETCH 1:* (FLAGS UID)",
        "UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
        "FETCH 1 BODY[]",
        "FETCH 1 BODY[HEADER.FIELDS (Subject)]",
        "STORE 1 +FLAGS (\\Deleted $Bar)",
        "STORE 2 FLAGS.SILENT (\\Seen)",
        "SEARCH ALL",
        "UID SEARCH KEYWORD $Bar",
        "SEARCH SUBJECT lunch",
        "SEARCH BODY hello",
        "COPY 1:* Archive",
        "EXPUNGE",
        "MOVE 1 Trash",
        "NOOP",
        "STATUS Trash (MESSAGES RECENT UNSEEN)",
        "CLOSE",
        "LOGOUT",
    ]:
        print(text, await client.command(text))
