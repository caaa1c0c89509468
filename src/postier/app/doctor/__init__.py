"""Does this server work, and what is to be done? One module a part of it; each gives findings, none changes anything."""
