"""JMAP without sockets, store and data types: requests, references, and what all methods of one kind share (RFC 8620).

This whole folder is pure. `request` reads, `processing` steps through the calls as a generator that yields each `Call` and is
sent its outcome, `get`, `changes`, `changing`, `copying`, `query` and `query_changes` are the frames of the standard methods.
"""
