"""The processes: configuration, supervisor, workers, log, metrics, and the wiring that builds the object graph.

Nothing here knows a protocol or a mail; `graph` and `wiring` alone name the rooms below and bind them together.
"""
