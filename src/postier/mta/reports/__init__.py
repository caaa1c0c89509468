"""Reports on proof of origin and TLS: those that others send us, and those that we owe to others.

In: a letter for a domain's postmaster that may hold a report is noted as it is filed (`arrivals`), read by a leased duty
(`reading`), kept in rows (`received_rows`) and summed for listings (`summaries`). Not here: the formats (`mailauth.reports`).
Invariant: nothing here runs while a letter waits for its 250, but one row in the transaction that files it.
"""
