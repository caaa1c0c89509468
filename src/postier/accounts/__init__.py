"""Who has an address here, who may log in, and where a letter for an address goes.

Domains, accounts, aliases, DKIM keys and credentials are rows of the store (`domains`, `accounts`, `aliases`,
`dkim_keys`, `credentials`); `resolution` tells where a letter for an address goes and `directory` remembers it for a
moment; `login` checks passwords behind `limiter`. Mail itself belongs to the room `mailbox`.
"""
