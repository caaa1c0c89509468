"""IMAP as values: lexer, commands, session state, view, fetch, search, responses."""
