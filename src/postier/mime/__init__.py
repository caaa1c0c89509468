"""The letter: headers, addresses, structure, sections, building; bytes in, values out."""
