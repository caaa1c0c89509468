"""Charset names as mail spells them, and decoding that always gives text.

Not here: transfer encodings (`decode`), encoded words. Source: the aliases follow the IANA registry and the WHATWG
Encoding Standard, where mailers mean the Windows superset of what they say. Invariants: only the codecs in this table
are ever used (a look-up in Python's registry by a peer's name would import modules, and some codecs are quadratic);
the result holds no lone surrogates, so it can be stored as UTF-8.
"""

_CODECS = {
    "ascii": "us-ascii ascii ansi_x3.4-1968 iso646-us iso-ir-6 646 7bit 8bit unknown-8bit unknown x-unknown default",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 x-unicode-2-0-utf-8 utf-8-mac utf8mb4 utf_8 cp65001",
    "utf-7": "utf-7 unicode-1-1-utf-7 utf7",
    "utf-16": "utf-16 utf16 ucs-2 iso-10646-ucs-2 unicode",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32": "utf-32 ucs-4",
    "cp1252": "iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1 iso88591 windows-1252 cp1252 x-cp1252 ansi iso-ir-100",
    "cp1250": "windows-1250 cp1250",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 latin2 l2",
    "iso8859-3": "iso-8859-3 iso8859-3 latin3",
    "iso8859-4": "iso-8859-4 iso8859-4 latin4",
    "iso8859-5": "iso-8859-5 iso8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 arabic iso-8859-6-i iso-8859-6-e",
    "iso8859-7": "iso-8859-7 iso8859-7 greek",
    "iso8859-8": "iso-8859-8 iso8859-8 hebrew iso-8859-8-i iso-8859-8-e visual logical",
    "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 cp1254",
    "iso8859-10": "iso-8859-10 iso8859-10 latin6",
    "cp874": "iso-8859-11 tis-620 tis620 windows-874 cp874 dos-874",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 latin9 latin-9 latin0",
    "iso8859-16": "iso-8859-16 iso8859-16",
    "cp1251": "windows-1251 cp1251 x-cp1251 win-1251",
    "cp1253": "windows-1253 cp1253",
    "cp1255": "windows-1255 cp1255",
    "cp1256": "windows-1256 cp1256",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "koi8-r": "koi8-r koi8r koi8 cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic",
    "cp437": "ibm437 cp437",
    "cp850": "ibm850 cp850",
    "cp852": "ibm852 cp852",
    "cp866": "ibm866 cp866",
    "gb18030": "gb18030 gbk gb2312 x-gbk gb_2312-80 cp936 windows-936 euc-cn x-euc-cn chinese",
    "hz": "hz hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs x-x-big5 cn-big5 cp950",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932 shiftjis",
    "euc_jp": "euc-jp x-euc-jp eucjp",
    "iso2022_jp_ext": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-ms csiso2022jp",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601 ksc5601 ksc_5601 korean windows-949 cp949 uhc",
    "iso2022_kr": "iso-2022-kr",
}
_BY_NAME = {alias: codec for codec, aliases in _CODECS.items() for alias in aliases.split()}
# Codecs whose output cannot hold a surrogate, or that refuse to make one
_SURROGATES_POSSIBLE = frozenset({"utf-7"})


def codec_of(charset: str) -> str | None:
    """The codec for a charset name in any case, or None when it is unknown."""
    return _BY_NAME.get(charset.strip(" \t\"'").lower())


def decode(data: bytes, charset: str | None) -> str:
    """`data` as text; unknown charsets and wrong octets give the best guess and U+FFFD, never an error."""
    codec = "ascii" if charset is None else _BY_NAME.get(charset) or codec_of(charset) or "ascii"
    if codec in ("ascii", "utf-8"):
        return decode_unlabelled(data, is_utf8=codec == "utf-8")
    text = data.decode(codec, "replace")
    if codec in _SURROGATES_POSSIBLE:
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


def decode_unlabelled(data: bytes, *, is_utf8: bool = False) -> str:
    """Text that is ASCII or says nothing: UTF-8 when it is that (RFC 6532 §3.2), else Windows-1252, as it often is."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8" if is_utf8 else "cp1252", "replace")
