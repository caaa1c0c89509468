"""The delivery agent: the only code that writes mail.

Storage functions over `store` transactions: `filing` (deliver, append), `folders` and `listing`, `flags`, `transfer`
(copy, move), `expunge`, `rights`, `sharing` and `seen` (mailboxes of others), `annotations`, `resync`, `quota`, `reading` and `views` (what sessions load and learn), `search`, `sweep`, `verify`. Not here: the
protocols that ask for it, and where contents lie. Source: DESIGN §2, §3, §9.

Invariants, checked by `verify`: counters of a mailbox and of its account equal their rows; every change to mail takes the
account's next modseq and one row of the change log in the same transaction; UIDs rise and never come back; an entry's
email and an email's blob row exist. Whoever writes locks the account's row first; several accounts in the order of
their ids.

The change log is not trimmed: a session, a QRESYNC client or a JMAP state of any age is answered from it, and `verify`
replays it. A row is some 30 octets for a delivery; 100,000 messages with a flag change each cost 6 MB.
"""
