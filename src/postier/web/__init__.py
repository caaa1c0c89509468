"""The HTTP face. Today: one request a connection, for the metrics and the MTA-STS policies of our domains.

Not here: listeners (`servers`, bound in `app.wiring`), what the pages say.
"""
