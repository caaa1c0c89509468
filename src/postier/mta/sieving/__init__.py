"""Sieve at delivery: scripts are run on letters that are accepted, and what they want done is done.

    scripts (which, compiled) > world, run (in a read transaction) > decide (what it comes to) > letters (what it sends)
    > effects (in the transaction that makes the letter ours)

Not here: the language (`sieve`), the scripts' rows (`accounts.scripts`), filing (`mailbox`).
"""
