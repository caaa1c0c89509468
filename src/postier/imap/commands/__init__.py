"""The commands of IMAP: one module per verb (or per grammar that several share), and the table of all verbs."""
