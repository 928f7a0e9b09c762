import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.charset import charset_of_label, declared_in_page, decode

FRENCH = "<p>L’été à la plage: ∫ f, « où »</p>"
LATIN = "<p>Déjà vu: où est la forêt? Né à Orléans, élève appliqué.</p>"
RUSSIAN = "<p>Решите уравнение и найдите все корни многочлена на отрезке.</p>"
JAPANESE = "<p>次の方程式を解きなさい。関数の極値を求めよ。</p>"
CHINESE = "<p>求下列函数的导数，并证明该数列收敛。</p>"
KOREAN = "<p>다음 방정식의 해를 구하시오. 함수의 극값</p>"


def test_byte_order_mark_wins_over_everything() -> None:
    assert decode(b"\xef\xbb\xbf" + FRENCH.encode(), "iso-8859-1") == (FRENCH, "utf-8")
    assert decode(b"\xff\xfe" + FRENCH.encode("utf-16-le"), "utf-8") == (FRENCH, "utf-16le")
    assert decode(b"\xfe\xff" + FRENCH.encode("utf-16-be"), None) == (FRENCH, "utf-16be")


def test_header_wins_over_meta() -> None:
    page = f'<meta charset="koi8-r">{RUSSIAN}'
    assert decode(page.encode("cp1251"), "windows-1251") == (page, "windows-1251")


@pytest.mark.parametrize(
    ("label", "charset"),
    [
        ("iso-8859-1", "windows-1252"),
        ("latin1", "windows-1252"),
        ("US-ASCII", "windows-1252"),
        (" UTF8 ", "utf-8"),
        ("x-sjis", "shift_jis"),
        ("gb2312", "gb18030"),
        ("ks_c_5601-1987", "euc-kr"),
        ("iso-8859-9", "windows-1254"),
        ("iso-8859-2", "iso-8859-2"),
        ("koi8-r", "koi8-r"),
        ("tis-620", "windows-874"),
        ("macintosh", "macintosh"),
        ("utf-7", ""),
        ("no-such-charset", ""),
        ("", ""),
    ],
)
def test_labels_mean_what_the_web_means(label: str, charset: str) -> None:
    assert charset_of_label(label) == charset


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        (LATIN, "cp1252", "windows-1252"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "utf-8", "utf-8"),
        (KOREAN, "cp949", "euc-kr"),
    ],
)
def test_each_way_to_declare(text: str, codec: str, charset: str) -> None:
    assert decode(text.encode(codec), charset) == (text, charset)
    short = f"<!doctype html><meta charset={charset}>{text}"
    assert decode(short.encode(codec), None) == (short, charset)
    long = f'<meta content="text/html; charset={charset}" http-equiv="Content-Type">{text}'
    assert decode(long.encode(codec), None) == (long, charset)
    xml = f'<?xml version="1.0" encoding="{charset}"?>{text}'
    assert decode(xml.encode(codec), None) == (xml, charset)


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        (LATIN, "cp1252", "windows-1252"),
        (LATIN, "utf-8", "utf-8"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (KOREAN, "cp949", "euc-kr"),
        (CHINESE, "gb18030", "gb18030"),
        (LATIN, "utf-16-le", "utf-16le"),
        ("<div>" + CHINESE * 20, "utf-16-be", "utf-16be"),
        (LATIN, "utf-16-be", "utf-16be"),
        ("plain ascii", "ascii", "utf-8"),
        ("", "ascii", "utf-8"),
    ],
)
def test_detection_without_a_declaration(text: str, codec: str, charset: str) -> None:
    assert decode(text.encode(codec), None) == (text, charset)


def test_utf8_declared_as_latin1() -> None:
    assert decode(LATIN.encode(), "iso-8859-1") == (LATIN, "utf-8")
    page = f'<meta charset="iso-8859-1">{CHINESE}'
    assert decode(page.encode(), None) == (page, "utf-8")


def test_latin1_declared_as_utf8() -> None:
    assert decode(LATIN.encode("cp1252"), "utf-8") == (LATIN, "windows-1252")


def test_a_single_accent_is_no_ground_for_a_guess() -> None:
    page = "<p>" + "Net Café forum of the theorem. " * 3
    for few in (page.encode("cp1252"), b"<table>" * 500 + b'<a href="#">Net Caf\xe9 Forum</a>\t\t</font></td>\n'):
        assert decode(few, "utf-8")[1] == "windows-1252"
    assert decode("<p>Теорема</p>".encode("cp1251"), None)[1] != "windows-1252"


def test_a_lying_header_gives_way_to_the_page() -> None:
    page = f'<meta charset="windows-1251">{RUSSIAN}'
    assert decode(page.encode("cp1251"), "utf-8") == (page, "windows-1251")


def test_few_bad_bytes_do_not_change_the_charset() -> None:
    assert decode(LATIN.encode() + b"\xff!", "utf-8") == (LATIN + "\ufffd!", "utf-8")
    cut = "<p>где é".encode()[:-1]
    assert decode(cut, "iso-8859-1") == ("<p>где \ufffd", "utf-8")


def test_meta_utf16_means_utf8() -> None:
    page = f'<meta charset="utf-16">{FRENCH}'
    assert decode(page.encode(), None) == (page, "utf-8")


def test_nul_is_removed() -> None:
    assert decode(b"a\0b\0\0c", None) == ("abc", "utf-8")
    assert decode("é\0è".encode(), "utf-8") == ("éè", "utf-8")


def test_declarations_that_do_not_count() -> None:
    assert declared_in_page(b'<!-- <meta charset="koi8-r"> --><meta charset="utf-8">') == "utf-8"
    assert declared_in_page(b"<p>charset=koi8-r</p>") is None
    assert declared_in_page(b" " * 5000 + b'<meta charset="koi8-r">') is None
    assert declared_in_page(b"<meta name=x content=y><META  CharSet = 'KOI8-R' >") == "KOI8-R"


@given(st.binary(max_size=400), st.none() | st.text(max_size=20))
def test_never_raises(html: bytes, label: str | None) -> None:
    text, charset = decode(html, label)
    assert "\0" not in text
    text.encode("utf-8")  # no lone surrogate
    assert charset
    assert decode(html, label) == (text, charset)


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (KOREAN, "cp949", "euc-kr"),
        (CHINESE, "gb18030", "gb18030"),
    ],
)
def test_latin_1_of_a_server_is_not_believed_of_another_script(text: str, codec: str, charset: str) -> None:
    assert decode(text.encode(codec), "iso-8859-1") == (text, charset)
