"""The logos that senders assert (BIMI), told to mail programs: read from a shelf while a letter waits, fetched while none does.

A letter that passes DMARC brings a claim (DNS); the shelf has what became of its files, or wishes for them (`shelf`); a duty
fetches and judges what is wished for (`fetching`) and keeps it in rows (`rows`) for all workers. Not here: what BIMI says
(`mailauth.bimi`). Invariant: no letter waits for HTTPS.
"""
