"""The command line, `postier NOUN VERB`: one module a noun, imported only when it is used.

Not here: what commands do to mail, accounts and queues; they call the rooms below. Invariants: exit 0 is ok, 1 a failed
check or act, 2 wrong use; an error is one line on standard error; every listing has `--json`.
"""
