import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.filter.url import NAMED_LISTS, UrlRules, compile_rules

NOTHING = {"deny_words": (), "deny_host_words": (), "deny_endings": ()}


def rules(**fields: object) -> UrlRules:
    return UrlRules(**(NOTHING | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://example.org/algebra/lesson-1.html", None),
        ("http://www.essex.ac.uk/sex-education-statistics", None),
        ("https://example.org/probability/casino-games", None),
        ("https://commons.example.org/wiki/File:Parabola.svg", None),
        ("https://example.org/search?q=porn", None),
        ("https://best-casino777.example.com/", "deny_host_words:casino"),
        ("https://example.com/free/porn-videos", "deny_words:porn"),
        ("https://xxx.example.com/", "deny_words:xxx"),
        ("https://example.com/style/Main.CSS?v=3", "deny_endings:.css"),
        ("https://example.com/a.css/lesson", None),
        ("ftp://example.org/a", "scheme:ftp"),
        ("javascript:alert(1)", "scheme:javascript"),
        ("dns:example.org", "scheme:dns"),
        ("", "host"),
        ("example.org/a", "host"),
        ("https://", "host"),
        ("https:///a", "host"),
        ("https:/example.org", "host"),
        ("https://exa mple.org/", "host"),
        ("https://[::1", "host"),
        ("https://[2001:db8::1]:8080/a", None),
        ("https://192.0.2.1/a", None),
        ("  https://example.org/a  ", None),
        ("https://example.org:99x/", "host"),
        ("https://example.org/" + "a" * 2000, "length"),
    ],
)
def test_defaults(url: str, rule: str | None) -> None:
    assert compile_rules(UrlRules())(url) == rule


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("https://example.com/", True),
        ("HTTPS://A.B.EXAMPLE.COM.:443/x", True),
        ("https://notexample.com/", False),
        ("https://example.com.test/", False),
        ("https://example.com@other.test/", False),
        ("https://other.test@example.com/", True),
        ("https://example.com\\@other.test/", True),
        ("https://user:word@example.com/", True),
    ],
)
def test_a_host_stands_for_all_below_it(url: str, refused: bool) -> None:
    refuse = compile_rules(rules(deny_hosts=("example.com",)))
    assert refuse(url) == ("deny_hosts:example.com" if refused else None)


def test_international_hosts_compare_in_either_form() -> None:
    for entry in ("bücher.example", "xn--bcher-kva.example"):
        refuse = compile_rules(rules(deny_hosts=(entry,)))
        for host in ("bücher.example", "BÜCHER.example", "www.xn--bcher-kva.example"):
            assert refuse(f"https://{host}/") == "deny_hosts:xn--bcher-kva.example"


def test_allowed_hosts_pass_every_list() -> None:
    refuse = compile_rules(
        UrlRules(allow_hosts=("math.example.com",), deny_hosts=("example.com",), named_lists=("curated_sources",))
    )
    assert refuse("https://math.example.com/porn.css") is None
    assert refuse("https://www.math.example.com/") is None
    assert refuse("https://example.com/") == "deny_hosts:example.com"
    assert refuse("https://arxiv.org/abs/1") == "curated_sources:arxiv.org"


def test_curated_sources_are_opt_in() -> None:
    default, curated = compile_rules(UrlRules()), compile_rules(UrlRules(named_lists=("curated_sources",)))
    for host in NAMED_LISTS["curated_sources"]:
        assert default(f"https://{host}/a") is None
        assert curated(f"https://www.{host}/a") == f"curated_sources:{host}"


@pytest.mark.parametrize("name", ["hosts.txt", "hosts.txt.gz"])
def test_lists_from_files(tmp_path: Path, name: str) -> None:
    text = b"# adult\nexample.com\n\n  *.example.net  # a comment\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    refuse = compile_rules(rules(deny_hosts=name), tmp_path)
    assert refuse("https://a.example.com/") == "deny_hosts:example.com"
    assert refuse("https://example.net/") == "deny_hosts:example.net"
    assert refuse("https://example.org/") is None


def test_digest_follows_the_content_of_files(tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("b.example\na.example\n")
    from_file = rules(deny_hosts="hosts.txt").digest(tmp_path)
    assert from_file == rules(deny_hosts=("a.example", "b.example")).digest()
    (tmp_path / "hosts.txt").write_text("a.example\n")
    assert rules(deny_hosts="hosts.txt").digest(tmp_path) != from_file
    assert rules(max_length=100).digest() != rules().digest()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"deny_hosts": ("https://example.com/a",)}, "deny_hosts: 'https://example.com/a' is not a host name"),
        ({"allow_hosts": ("",)}, "allow_hosts: '' is not a host name"),
        ({"deny_words": ("two words",)}, "deny_words: 'two words' is not one word"),
        ({"deny_host_words": ("",)}, "deny_host_words: '' matches every host"),
    ],
)
def test_entries_that_cannot_be_meant(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message):
        compile_rules(rules(**fields))


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9.example\n")
    with pytest.raises(ValueError, match=r"deny_hosts: .*latin1\.txt is not UTF-8 at byte 3"):
        compile_rules(rules(deny_hosts="latin1.txt"), tmp_path)
    (tmp_path / "plain.gz").write_bytes(b"example.com\n")
    with pytest.raises(ValueError, match=r"deny_hosts: .*plain\.gz is not gzip"):
        compile_rules(rules(deny_hosts="plain.gz"), tmp_path)
    with pytest.raises(FileNotFoundError):
        compile_rules(rules(deny_hosts="none.txt"), tmp_path)


def test_settings_are_strict() -> None:
    with pytest.raises(ValidationError, match="deny_endings: 'css' is not an ending"):
        UrlRules(deny_endings=("css",))
    with pytest.raises(ValidationError, match="extra_forbidden"):
        UrlRules(deny_urls=("x",))  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="named_lists"):
        UrlRules(named_lists=("no_such_list",))  # type: ignore[arg-type]


def test_hostile_urls_are_cheap() -> None:
    refuse = compile_rules(UrlRules(max_length=1 << 16))
    assert refuse("https://" + "a" * 1_000_000) == "length"
    for url in ("https://" + "a." * 30_000, "https://" + "@" * 60_000, "https://x/" + "a-" * 30_000, "x" * 65_000):
        refuse(url)
    assert refuse("https://" + "é" * 1000 + ".example/") is None


@given(st.text(max_size=200) | st.text(max_size=100).map("https://{}".format))
def test_never_raises(url: str) -> None:
    rule = compile_rules(UrlRules(named_lists=("curated_sources",)))(url)
    assert rule is None or rule
