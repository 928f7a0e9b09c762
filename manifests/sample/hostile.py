"""Broken and hostile pages: wrong charsets, bad bytes, deep nesting, bombs, script injection, damaged records.

Most of them say something sensible all the same, so that a reader can be asked whether it still found the text.
"""

from dataclasses import replace
from struct import pack
from zlib import crc32

from manifests.sample.article import Article
from manifests.sample.nuisance import simple
from manifests.sample.pages import page
from manifests.sample.records import Page
from manifests.sample.sites import BY_ENCODING
from manifests.sample.texts import read

HOST = "https://oddities.crookedpath.test"
_SENTENCE = (
    "<p>The square of an odd number leaves the remainder one on division by eight, because $(2k+1)^2 = 4k(k+1) + 1$ "
    "and one of two neighbours is even.</p>"
)
_GOLD = (("(2k+1)^2 = 4k(k+1) + 1", False),)
_JAPANESE = (
    "<h1>二次方程式の解の公式</h1><p>二次方程式 $ax^2 + bx + c = 0$ の解は、平方完成によって求められます。"
    "判別式は $b^2 - 4ac$ です。</p><p>判別式が負のとき、実数の解は存在しません。</p>"
)
_JAPANESE_GOLD = (("ax^2 + bx + c = 0", False), ("b^2 - 4ac", False))
_RUSSIAN = (
    "<h1>Сумма нечётных чисел</h1>"
    "<p>Сумма первых нечётных чисел равна квадрату их количества: $1 + 3 + 5 + 7 = 16 = 4^2$. "
    "Это легко увидеть, если складывать уголки из точек.</p>"
)
_RUSSIAN_GOLD = (("1 + 3 + 5 + 7 = 16 = 4^2", False),)
_FRENCH = (
    "<h1>L'inégalité triangulaire</h1><p>Pour tous les réels, on a $|x + y| \\leq |x| + |y|$. L'égalité a lieu "
    "précisément lorsque les deux nombres ont le même signe ou que l'un d'eux est nul. "
    "C'est évident géométriquement.</p>"
)
_FRENCH_GOLD = (("|x + y| \\leq |x| + |y|", False),)


def _odd(name: str, body: bytes, **fields: object) -> Page:
    known = Page(f"{HOST}/{name}", body, "hostile", "dollars", math=True, formulas=_GOLD)
    return replace(known, **fields)  # type: ignore[arg-type]


def _html(text: str, charset: str, declared: str = "") -> bytes:
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">' if declared else ""
    return simple("", text, meta).decode().encode(charset)


def charset_pages() -> list[Page]:
    """The same few texts in many charsets, declared rightly, wrongly or not at all."""
    html = "text/html"
    japanese = {"language": "ja", "kind": "charset", "formulas": _JAPANESE_GOLD}
    russian = {"language": "ru", "kind": "charset", "formulas": _RUSSIAN_GOLD}
    french = {"language": "fr", "kind": "charset", "formulas": _FRENCH_GOLD}
    return [
        _odd("cp1251-header", _html(_RUSSIAN, "cp1251"), content_type=f"{html}; charset=windows-1251", **russian),
        _odd(
            "cp1251-meta",
            _html(_RUSSIAN + "<p>Ещё пример.</p>", "cp1251", "windows-1251"),
            content_type=html,
            **russian,
        ),
        _odd(
            "cp1251-lie",
            _html(_RUSSIAN + "<p>Заголовок ошибается.</p>", "cp1251"),
            content_type=f"{html}; charset=utf-8",
            **russian,
        ),
        _odd(
            "koi8-meta", _html(_RUSSIAN + "<p>Старая кодировка.</p>", "koi8-r", "koi8-r"), content_type=html, **russian
        ),
        _odd("sjis-header", _html(_JAPANESE, "shift_jis"), content_type=f"{html}; charset=Shift_JIS", **japanese),
        _odd("sjis-meta", _html(_JAPANESE + "<p>例題</p>", "shift_jis", "Shift_JIS"), content_type=html, **japanese),
        _odd("sjis-silent", _html(_JAPANESE + "<p>練習問題</p>", "shift_jis"), content_type=html, **japanese),
        _odd(
            "eucjp-header",
            _html(_JAPANESE + "<p>解答</p>", "euc_jp"),
            content_type=f"{html}; charset=EUC-JP",
            **japanese,
        ),
        _odd("latin1-header", _html(_FRENCH, "latin-1"), content_type=f"{html}; charset=ISO-8859-1", **french),
        _odd(
            "latin1-lie", _html(_FRENCH + "<p>Voilà.</p>", "latin-1"), content_type=f"{html}; charset=utf-8", **french
        ),
        _odd("utf16-bom", b"\xff\xfe" + _html(_FRENCH + "<p>À suivre.</p>", "utf-16-le"), content_type=html, **french),
    ]


def broken_markup() -> list[Page]:
    """Markup that no validator would pass."""
    unclosed = (
        f"<html><head><title>Never closed</title><body><div class=main><h1>Odd squares<p>{_SENTENCE[3:-4]}"
        "<ul><li>one<li>two<b>three"
        "<table><tr><td>$1^2 = 1$<td>$3^2 = 9$<tr><td>$5^2 = 25$<td>$7^2 = 49$"
    )
    table = tuple((tex, False) for tex in ("1^2 = 1", "3^2 = 9", "5^2 = 25", "7^2 = 49"))
    bad_bytes = simple("Bad bytes", _SENTENCE).replace(b"division", b"divi\xff\xfe\xc3sion")
    nul = simple("NUL bytes", _SENTENCE).replace(b"number", b"num\x00ber", 1)
    open_comment = simple("Open comment", f"{_SENTENCE}<!-- the rest of the page never comes back <p>lost</p>")
    nested = simple("Nested", "<div>" * 3000 + _SENTENCE + "</div>" * 3000)
    spans = simple("Spans", _SENTENCE + "<p>" + "<span>x" * 20000 + "</p>")
    attribute = simple("Attribute", f'<p data-state="{"A" * 1_000_000}">{_SENTENCE[3:]}')
    spaces = simple("Spaces", _SENTENCE + " " * 1_000_000 + "<p>The end.</p>")
    return [
        _odd("unclosed", unclosed.encode(), formulas=_GOLD + table),
        _odd("bad-bytes", bad_bytes),
        _odd("nul", nul),
        _odd("open-comment", open_comment),
        _odd("nested", nested),
        _odd("spans", spans),
        _odd("attribute", attribute),
        _odd("spaces", spaces),
        _odd(
            "no-content-type",
            simple("No content type", _SENTENCE + "<p>The server named no type.</p>"),
            content_type="",
        ),
        _odd("http-length", simple("Length", _SENTENCE + "<p>The server counted wrongly.</p>"), damage="http-length"),
    ]


def attacks() -> list[Page]:
    """Pages that hope for a careless reader."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE html [<!ENTITY l0 "ha">{laughs}]>'
    bomb = f'<?xml version="1.0"?>{doctype}<html><body>{_SENTENCE}<p>&l9;</p></body></html>'
    amps = simple("Entities", _SENTENCE + "<p>" + "&" + "amp;" * 5000 + "lt;script&gt;</p>")
    script = "<script>alert(1)</script>"
    injection = (
        f'<html><head><title>&lt;script&gt;alert("title")&lt;/script&gt;</title></head><body onload="alert(2)">{script}'
        f'<h1>&lt;img src=x onerror=alert(3)&gt;</h1>{_SENTENCE}<p title="&quot;&gt;{script}">As text: '
        "&lt;script&gt;alert(4)&lt;/script&gt; and &lt;/textarea&gt;&lt;/script&gt;&lt;/style&gt;.</p>"
        '<a href="javascript:alert(5)">a link</a></body></html>'
    )
    macros = (
        "<script type='text/x-mathjax-config'>"
        "MathJax.Hub.Config({TeX: {Macros: {a: '\\\\b\\\\b', b: '\\\\a\\\\a'}}});</script>"
        f"{_SENTENCE}<p>This formula never ends: $\\a + 1$.</p>"
    )
    refresh = '<meta http-equiv="refresh" content="0;url=javascript:alert(6)">'
    money = "<p>" + " ".join(f"Item {n} costs ${n}.50, or ${n * 10} for a dozen." for n in range(1, 60)) + "</p>"
    return [
        _odd("laughs", bomb.encode()),
        _odd("ampersands", amps),
        _odd("injection", injection.encode()),
        _odd("macros", simple("Macros", macros), formulas=()),
        _odd("prices", simple("Prices", "<h1>Price list</h1>" + money), math=False, formulas=(), encoding="none"),
        _odd("refresh", simple("Refresh", "<p>Moved.</p>", refresh), math=False, formulas=(), encoding="none"),
    ]


def transport_pages() -> list[Page]:
    """Pages whose bodies are wrapped by the transport."""
    text = simple("Wrapped", _SENTENCE + "<p>This body came compressed, without being any smaller.</p>")
    chunks = simple("Chunked", _SENTENCE + "<p>This body came in pieces.</p>")
    pieces = [chunks[at : at + 100] for at in range(0, len(chunks), 100)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return [
        _odd("gzip", _stored_gzip(text), headers=(("Content-Encoding", "gzip"),)),
        _odd("chunked", body, headers=(("Transfer-Encoding", "chunked"),)),
    ]


def _stored_gzip(data: bytes) -> bytes:
    """A gzip file that stores `data` as it is: the same bytes with every version of zlib."""
    block = b"\x01" + pack("<HH", len(data), 0xFFFF ^ len(data)) + data
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + block + pack("<II", crc32(data), len(data))


def damaged_records() -> list[Page]:
    """Good pages in records that are cut or lie about their length."""
    article: Article = read("glossary", "hostile")[0]
    whole = page(replace(article, slug="cut-short"), BY_ENCODING["mathjax3"], "damaged/0")
    half = replace(whole, body=whole.body[: len(whole.body) // 2], fate="truncated", damage="truncated")
    lying = page(
        replace(article, slug="lying-length"), BY_ENCODING["katex"], "damaged/1", fate="corrupt", damage="warc-length"
    )
    cut = page(replace(article, slug="cut-member"), BY_ENCODING["dollars"], "damaged/2", fate="corrupt", damage="cut")
    last = page(
        replace(article, slug="last-member"), BY_ENCODING["brackets"], "damaged/3", fate="corrupt", damage="cut"
    )
    return [half, lying, cut, last]
