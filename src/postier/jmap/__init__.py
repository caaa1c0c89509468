"""JMAP: the same mail as IMAP, in JSON over HTTP.

Today: `core`, which turns octets into method calls and outcomes into octets. It serves nobody yet: no listener, no session
resource and no data type but `Core/echo`, so nothing announces JMAP.
"""
