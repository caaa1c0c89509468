"""ManageSieve as values: octets of the peer in, events and answers out.

Start at `session.Session`. Not here: sockets, TLS, passwords, where scripts lie (`accounts.scripts`), whether they are right
(`sieve`). Source: RFC 5804 with eid2655.
"""
