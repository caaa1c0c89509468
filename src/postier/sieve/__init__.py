"""Sieve: scripts checked, compiled, run; what they want done comes out as values.

Reading: `lex`, `tree`, `parse`, `problems`. Checking and compiling: `spec` (how words are declared), `commands`, `tests`,
`ext` (one module for each extension), `vocabulary` (all of them), `arguments`, `texts` (strings with variables),
`check`. Matching: `comparators`, `glob`, `matching`, `pattern` and `automaton` (regular expressions). Running: `script`
(what embedders call), `running`, `message`, `fields`, `addresses`, `dateparts`, `world` (what the caller provides),
`actions` (what comes out), `limits`. Filters as people think of them: `filters`.

Not here: storing scripts, delivering, sending. Source: RFC 5228 and its extensions; docs/sieve.md.
"""
