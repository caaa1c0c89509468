"""The extensions: one module for each, or for a few that share their words. `EXTENSIONS` has them all.

Not here: the base language (`commands`, `tests`). convert (RFC 6558) is not among them: converting media types belongs
to no mail server that must not run other people's decoders on strangers' files.
"""

from postier.sieve.ext import (
    body,
    comparators,
    copy,
    date,
    duplicate,
    editheader,
    encoded_character,
    enotify,
    envelope,
    environment,
    extlists,
    fcc,
    fileinto,
    foreverypart,
    ihave,
    imap4flags,
    include,
    mailbox,
    mime,
    redirect_options,
    regex,
    reject,
    relational,
    replace,
    spamtest,
    subaddress,
    vacation,
    variables,
)

EXTENSIONS = tuple(
    module.EXTENSION
    for module in (
        body,
        comparators,
        copy,
        date,
        duplicate,
        editheader,
        encoded_character,
        enotify,
        envelope,
        environment,
        extlists,
        fcc,
        fileinto,
        foreverypart,
        ihave,
        imap4flags,
        include,
        mailbox,
        mime,
        redirect_options,
        regex,
        reject,
        relational,
        replace,
        spamtest,
        subaddress,
        vacation,
        variables,
    )
)
