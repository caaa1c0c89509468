"""The letter: headers, addresses, structure, sections, building; bytes in, values out.

Reading, from the octets up: `octets`, `headers`, `comments`, `params`, `charsets`, `encoded_words`, `address_list`,
`dates`, `content_fields`, `boundaries`, `structure` (to a tree of `part.Part`), `threads`, `decode`, `html_text`,
`preview`. For IMAP: `nstring`, `envelope`, `bodystructure`, `sections`. All of it at once, when a message is stored:
`index`. Writing: `header_lines`, `entities`, `build`, `dsn`; `normalise` makes octets fit for the wire.

Reading never fails and never raises: what is wrong is a `defects.Defect`, what exceeds a limit is left unread and
flagged. Writing raises `header_lines.HeaderValueError` for a value that would break out of its line.
"""
