"""The index of words: which messages have a text in their subject, header or body.

A message's texts are cut into words. The messages of an account are indexed in runs, in the order of their email ids, and runs make
blocks; a run holds for each field a dictionary (its words as one text, which is searched for the pattern) and the messages that
have each word. A pattern that is one word's part is decided by the index; of a longer one the index says which messages to look at.

    tokens    words of a text, and the pieces of a pattern
    message   words of a message
    making    a block is gathered, run by run
    block     a block as octets, and looking into it
    rows      its tables as a search reads them
    keeping   what is next, filing blocks, renewing them
    narrow    criteria put to all blocks of an account

Not here: reading contents (`app.indexing`), in the background (`app.indexer`). See docs/adr/0019-index-of-words.md. Invariants: SEARCH finds the same with the index,
without it, and while it is built; a message that is in no block is decided on its text.
"""
