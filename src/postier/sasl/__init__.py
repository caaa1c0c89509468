"""SASL mechanisms, a step at a time: octets of the peer in, challenge, credentials or failure out.

Not here: base64 lines and cancelling (each protocol's own), directories, password hashes, nonces and limits of
attempts (the rooms above). Sources: RFC 4422, 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), 5802 and 7677 (SCRAM).
Start at `mechanisms.server_exchange` and at the clients of `plain`, `login` and `scram`.
"""
