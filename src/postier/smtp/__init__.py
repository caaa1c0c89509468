"""SMTP and LMTP as values: syntax, replies, the server's session, the client's dialogue.

Not here: sockets, TLS, clocks, DNS, what to accept. Both cores have the pull form: `receive(data)`, then
`next_event()` until it returns NEED_DATA; an event that needs a decision leaves the core PAUSED until it has one.
Start at `session.Session` (server) and `dialogue.Dialogue` (client).
"""
