"""Bytes of a page to text: which character encoding, and what to do when the page lies about it.

The order is that of the Encoding and HTML standards (byte order mark, HTTP header, `<meta>`), with one addition: a
declaration is believed only when the bytes bear it out. Crawls are full of UTF-8 pages declared as Latin-1 by an old
server and of the reverse, and a formula in mojibake is a formula lost.
"""

import re
from functools import lru_cache

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

META_BYTES = 4096
"""How far from the start a `<meta>` declaration is looked for (the HTML standard asks for 1024; pages need more)."""

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_WIDE_MARKUP = {
    "utf-16le": re.compile(rb"<\x00(?:[!-~]\x00){3}"),
    "utf-16be": re.compile(rb"\x00<(?:\x00[!-~]){3}"),
}
_META = re.compile(rb"<meta\s[^>]*?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:+-]{2,40})", re.IGNORECASE)
_RUN = re.compile(rb"[\x80-\xff]{3}")
_SHIFT = b"\x1b$B"  # to Japanese, in ISO-2022-JP
_HANGUL = re.compile("[가-힣]")
_LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
_MOST = 0.6  # of the bytes beyond ASCII in long runs: no language of Latin-1 has words of accented letters alone
_FEW_BYTES = 16
_XML = re.compile(rb"\A\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9_.:+-]{2,40})", re.IGNORECASE)

# The detector's and the label map's names, as (name in the Encoding Standard, Python codec). Python's codec of the same
# name is often the strict national standard where the web means the vendor's superset.
_CODECS = {
    "utf-16-le": ("utf-16le", "utf-16-le"),
    "utf-16-be": ("utf-16be", "utf-16-be"),
    "gbk": ("gb18030", "gb18030"),
    "gb18030": ("gb18030", "gb18030"),
    "euc_kr": ("euc-kr", "cp949"),
    "shift_jis": ("shift_jis", "cp932"),
    "big5": ("big5", "big5hkscs"),
    "euc_jp": ("euc-jp", "euc_jp"),
    "iso2022_jp": ("iso-2022-jp", "iso2022_jp"),
    "iso8859-11": ("windows-874", "cp874"),
    "cp866": ("ibm866", "cp866"),
    "mac-roman": ("macintosh", "mac-roman"),
}
_MULTIBYTE = frozenset({"gb18030", "euc-kr", "shift_jis", "big5", "euc-jp", "iso-2022-jp"})


def decode(html: bytes, header_charset: str | None) -> tuple[str, str]:
    """Decode a page.

    Args:
        html: the page as served, content encoding undone.
        header_charset: the charset parameter of the HTTP Content-Type, or None.

    Returns:
        The text and the charset used, by its name in the Encoding Standard. Bytes invalid in that charset become
        U+FFFD, NUL characters are removed, a byte order mark is dropped. Never raises; time is linear in the page.
    """
    for mark, charset in _BOMS:
        if html.startswith(mark):
            return _text(html[len(mark) :], charset), charset
    for label, from_page in ((header_charset, False), (declared_in_page(html), True)):
        charset = charset_of_label(label or "")
        if charset.startswith("utf-16") and from_page:
            charset = "utf-8"  # a declaration readable as ASCII is not in UTF-16 (HTML standard, prescan)
        text = _if_borne_out(html, charset) if charset else None
        if text is not None:
            return text, charset
    charset = _detect(html)
    return _text(html, charset), charset


def declared_in_page(html: bytes) -> str | None:
    """The label in `<meta charset>`, `<meta http-equiv … charset=…>` or an XML declaration, as written, or None."""
    head = html[:META_BYTES]
    found = _XML.search(head)
    if found is None:
        found = _META.search(_COMMENT.sub(b"", head) if b"<!--" in head else head)
    return found[1].decode("ascii") if found else None


@lru_cache(maxsize=1024)
def charset_of_label(label: str) -> str:
    """The Encoding Standard's name for a label ("latin1" gives "windows-1252"), or "" for a label it does not know."""
    return _standard_name(map_encoding_to_html5(label.strip().lower()[:40], fallback_utf8=False))


def _standard_name(codec: str | None) -> str:
    if not codec:
        return ""
    if codec in _CODECS:
        return _CODECS[codec][0]
    return codec.replace("cp125", "windows-125").replace("iso8859-", "iso-8859-")


_PYTHON_CODECS = dict(_CODECS.values())


def _text(html: bytes, charset: str) -> str:
    text = html.decode(_PYTHON_CODECS.get(charset, charset), errors="replace").removeprefix("\ufeff")
    return text.replace("\0", "") if "\0" in text else text


def _if_borne_out(html: bytes, charset: str) -> str | None:
    """The text, or None when the bytes are plainly in another encoding than the one declared."""
    text = _text(html, charset)
    if charset != "utf-8" and not html.isascii():
        sequences = _utf8_sequences(html)
        # One pair of Latin-1 letters that is valid UTF-8 is already unlikely; two-byte encodings need a few more.
        if sequences >= (4 if charset in _MULTIBYTE or charset.startswith("utf-16") else 1):
            return None
    if charset == "windows-1252" and _foreign(html):
        return None
    if charset != "iso-2022-jp" and html.isascii() and _SHIFT in html:
        return None
    bad = text.count("\ufffd") - html.count(b"\xef\xbf\xbd")
    if bad <= 0 or charset not in _MULTIBYTE | {"utf-8", "utf-16le", "utf-16be"}:
        return text
    good = len(text) - bad - _ascii_count(text)
    return text if good >= 4 * bad else None


def _foreign(html: bytes) -> bool:
    """Whether a page declared as Latin-1, the default of many servers, is in another script."""
    runs = sum(map(len, _LONG_RUN.findall(html)))
    return runs >= _FEW_BYTES and runs > _MOST * (len(html) - len(html.decode("ascii", errors="ignore")))


def _utf8_sequences(html: bytes) -> int:
    """How many characters beyond ASCII the page holds when it is valid UTF-8, else 0."""
    try:
        text = html.decode("utf-8")
    except UnicodeDecodeError as error:
        # A page cut by its server may end inside a character.
        if error.end < len(html) or "unexpected end" not in error.reason:
            return 0
        text = html[: error.start].decode("utf-8")
    return len(text) - _ascii_count(text)


def _ascii_count(text: str) -> int:
    return len(text.encode("ascii", errors="ignore"))


def _detect(html: bytes) -> str:
    if html.isascii():
        return "iso-2022-jp" if _SHIFT in html else _utf16_without_mark(html) or "utf-8"
    if _utf8_sequences(html):
        return "utf-8"
    wide = _utf16_without_mark(html)
    if wide:
        return wide
    charset = _standard_name(detect_encoding(html))
    if charset in ("", "utf-8") and _is_korean(html):  # which the detector does not know
        return "euc-kr"
    if not charset or charset.startswith("utf-16"):  # without zero bytes it is not UTF-16, whatever the detector says
        return "windows-1252"
    few = len(html) - len(html.decode("ascii", errors="ignore")) < _FEW_BYTES
    if few and charset not in _MULTIBYTE and not _RUN.search(html):
        return "windows-1252"  # an accent here and there: the detector guesses, the web's default is likelier
    return charset


def _is_korean(html: bytes) -> bool:
    text = _text(html, "euc-kr")
    hangul = len(_HANGUL.findall(text))
    return hangul > 0 and hangul > _MOST * (len(text) - _ascii_count(text))


def _utf16_without_mark(html: bytes) -> str:
    """UTF-16 without a mark shows in markup: every other byte is zero, of its first eight or most of its first 512."""
    for charset, begins in _WIDE_MARKUP.items():
        if begins.match(html):
            return charset
    sample = html[:512]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 4 and odd > 0.6 * half and even < 0.1 * half:
        return "utf-16le"
    return "utf-16be" if half >= 4 and even > 0.6 * half and odd < 0.1 * half else ""
