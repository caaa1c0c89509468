"""IMAP connections: the pure core joined to a stream, logins and the delivery agent.

`conversation` is what a listener is given, `dialogue` the life of one connection, `connection` its state, `selected` its
open mailbox; then a module for each group of verbs. Not here: the protocol itself (`postier.imap`), what is stored and
who may (`postier.mailbox`). Source: RFC 9051, RFC 3501. Invariants: one task per connection; no error of the store
leaves a verb (NO [UNAVAILABLE]); nothing is acknowledged before it is durable; what a client is told of a mailbox comes
from the change log alone.
"""
