"""SMTP and LMTP as values: syntax, replies, the server's session, the client's dialogue."""
