"""POP3 as values: octets of the peer in, events and answers out.

Start at `session.Session`. Not here: sockets, TLS, passwords, where messages lie (`servers.pop3`, `mailbox.maildrop`).
Sources: RFC 1939, 2449 (CAPA, response codes), 2595 §4 (STLS), 5034 (AUTH), 6856 (UTF8, LANG), 3206 (SYS, AUTH).
APOP is not offered: it needs passwords that the server can read.
"""
