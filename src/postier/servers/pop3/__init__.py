"""POP3 connections: `conversation` is what a listener is given, `connection` the life of one connection.

Not here: the protocol (`postier.pop3`), the maildrop and its lock (`postier.mailbox.maildrop`).
"""
