"""The store: two SQL engines behind one pair of transactions, pack files for bodies, the change log, leases, wake-ups.

Storage functions (here and in the rooms above) are synchronous and plain: they take a `ReadTx` or a `WriteTx` and run
SQL that both engines understand. The engine decides where and when they run.
"""
