"""The processes: configuration, supervisor, workers, log, metrics, and the wiring that builds the object graph.

Nothing here knows a protocol or a mail; `wiring` alone names the rooms below and binds them together.
"""
