"""The sample crawl: the committed files are what the program writes, and hold what their README promises."""

import json
import re
import zlib
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from warcio.archiveiterator import ArchiveIterator

from manifests.sample.encode import ENCODERS
from manifests.sample.markup import asciimath, mathml, plain_html
from manifests.sample.pages import near_copy, settle
from manifests.sample.problems import problems
from manifests.sample.tex import parse
from manifests.sample.texts import lessons
from manifests.sample.write_sample import write

COMMITTED = Path(__file__).parent.parent / "manifests" / "sample"
FILES = [f"crawl-{number:02d}.warc.gz" for number in range(4)]
MEMBER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
# Formula services and name spaces stand in pages by their real names; nothing was ever fetched from them.
SERVICES = {"latex.codecogs.com", "s0.wp.com", "www.w3.org", "schema.org"}
KINDS = {
    "blog": 7,
    "charset": 11,
    "docs": 6,
    "empty": 11,
    "error": 10,
    "exercises": 26,
    "foreign": 10,
    "foreign-math": 12,
    "glossary": 4,
    "hostile": 22,
    "lesson": 72,
    "login": 3,
    "news": 16,
    "old": 4,
    "other-type": 7,
    "problem": 56,
    "product": 14,
    "programming": 12,
    "recipe": 16,
    "spam": 12,
    "sports": 10,
    "thread": 21,
    "travel": 10,
    "wiki": 9,
}
FATES = {"content_type": 7, "corrupt": 3, "http_status": 10, "page": 360, "truncated": 1}
TYPES = {"metadata": 43, "request": 64, "response": 381, "revisit": 21, "warcinfo": 3}

Line = dict[str, Any]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def lines(written: Path) -> list[Line]:
    return [json.loads(line) for line in (written / "pages.jsonl").read_text(encoding="utf-8").splitlines()]


def members(path: Path) -> list[bytes]:
    """What each gzip member decodes to; of a member that was cut, the WARC header alone."""
    decoded: list[bytes] = []
    for piece in path.read_bytes().split(MEMBER)[1:]:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
        record = unpacker.decompress(MEMBER + piece)
        decoded.append(record if unpacker.eof else record.split(b"\r\n\r\n")[0])
    return decoded


@pytest.mark.parametrize("name", FILES)
def test_committed_records_are_what_the_program_writes(written: Path, name: str) -> None:
    assert members(COMMITTED / name) == members(written / name)


def test_committed_gold_is_what_the_program_writes(written: Path) -> None:
    assert (COMMITTED / "pages.jsonl").read_bytes() == (written / "pages.jsonl").read_bytes()


def test_sizes() -> None:
    sizes = [(COMMITTED / name).stat().st_size for name in FILES]
    assert sizes[-1] == 0
    assert sum(sizes) < 900_000
    assert (COMMITTED / "pages.jsonl").stat().st_size < 400_000


def test_pages_by_kind(lines: list[Line]) -> None:
    assert Counter(line["kind"] for line in lines) == KINDS
    assert Counter(line["fate"] for line in lines) == FATES
    good = [line for line in lines if line["kind"] not in {"hostile", "charset"} and line["formulas"]]
    assert {line["encoding"] for line in good} == set(ENCODERS)
    assert {line["language"] for line in lines} == {"en", "fr", "de", "es", "ru", "zh", "ja"}


def test_records_by_type(written: Path) -> None:
    types: Counter[str] = Counter()
    ids: Counter[str] = Counter()
    for name in FILES:
        for record in members(written / name):
            head = record.split(b"\r\n\r\n")[0].decode()
            types[head.split("WARC-Type: ")[1].split("\r\n")[0]] += 1
            ids[head.split("WARC-Record-ID: ")[1].split("\r\n")[0]] += 1
    assert types == TYPES
    assert [count for count in ids.values() if count > 1] == [2]


@pytest.mark.parametrize("name", FILES[:2])
def test_whole_files_read_with_good_digests(written: Path, name: str) -> None:
    with (written / name).open("rb") as stream:
        reader = ArchiveIterator(stream, check_digests="raise")
        urls = [
            record.rec_headers["WARC-Target-URI"] for record in reader if record.content_stream().read() is not None
        ]
    assert len(urls) == len(members(written / name))


def test_only_reserved_hosts_and_no_personal_data(written: Path, lines: list[Line]) -> None:
    for line in lines:
        assert urlsplit(line["url"]).hostname.rsplit(".", 1)[1] in {"test", "example"}, line["url"]
    for name in FILES:
        for record in members(written / name):
            text = record.decode("utf-8", "replace")
            for host in re.findall(r"https?://([A-Za-z0-9.-]+\.[a-z]+)", text.split("WARC-Profile")[-1]):
                assert host.rsplit(".", 1)[1] in {"test", "example"} or host in SERVICES | {"netpreserve.org"}, host
            # (an address is looked for from its @ on: a page of a million letters makes the usual pattern quadratic)
            assert not re.search(r"(?<=\w)@[\w-]+\.[a-z]{2,}", text)
            assert not re.search(r"\+\d{1,3}[ -]\d{2,}|\(\d{3}\) \d{3}-\d{4}|\b\d{1,3}(?:\.\d{1,3}){3}\b", text)


def test_urls_are_unique_but_for_the_twin(lines: list[Line]) -> None:
    counts = Counter(line["url"] for line in lines)
    twins = [url for url, count in counts.items() if count > 1]
    assert len(twins) == 1
    assert {line["cluster"] for line in lines if line["url"] == twins[0]} == {"same-id"}


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\\[a-zA-Z]+|\w+|[^\s\w$]", text.lower())
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def overlap(one: str, other: str) -> float:
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right)


def test_near_copies_are_near() -> None:
    for article in lessons():
        random = Random(article.slug)
        settled = settle(article, random)
        assert overlap(settled.text, near_copy(settled, random).text) > 0.85


def test_problems_of_a_series_are_apart() -> None:
    found = problems(4)
    assert len({article.text for _, article in found}) == len(found)
    for (name, one), (other_name, other) in combinations(found, 2):
        if name == other_name:
            assert overlap(one.text, other.text) < 0.5, (one.slug, other.slug)


def test_clusters_and_series(lines: list[Line]) -> None:
    clusters = Counter(line["cluster"] for line in lines if line["cluster"])
    near = Counter(count for name, count in clusters.items() if name.startswith("near/"))
    assert near == {2: 7, 3: 3, 4: 2, 5: 1}
    assert [count for name, count in clusters.items() if name.startswith("same/")] == [2] * 6
    assert set(Counter(line["series"] for line in lines if line["series"]).values()) == {4}


def test_tex_as_mathml() -> None:
    assert mathml(parse(r"\frac{x^2}{3}")) == (
        "<mrow><mfrac><msup><mi>x</mi><mn>2</mn></msup><mn>3</mn></mfrac></mrow>"
    )
    limits = "<mrow><munderover><mo>∑</mo><mn>1</mn><mi>n</mi></munderover><mi>k</mi></mrow>"
    assert mathml(parse(r"\sum_1^n k", display=True)) == limits
    assert mathml(parse(r"\sum_1^n k")) == limits.replace("munderover", "msubsup")


@pytest.mark.parametrize(
    ("tex", "ascii_form", "plain_form"),
    [
        (r"\frac{a + 1}{b}", "(a + 1)/(b)", "(<i>a</i> + 1)/<i>b</i>"),
        (r"x_{n+1} \leq \sqrt{2}", "x_(n + 1) <= sqrt(2)", "<i>x</i><sub><i>n</i> + 1</sub> ≤ √2"),
        (r"\log_2 8 = 3", "log_2 8 = 3", "log<sub>2</sub> 8 = 3"),
        (r"(-1, -2)", "( - 1, - 2)", "(−1,−2)"),
        (r"\binom{n}{2}", "((n),(2))", "(<i>n</i> over 2)"),
        (r"\sin^2 x", "sin^2x", "sin<sup>2</sup> <i>x</i>"),
    ],
)
def test_tex_as_asciimath_and_as_plain_html(tex: str, ascii_form: str, plain_form: str) -> None:
    assert " ".join(asciimath(parse(tex)).split()) == ascii_form
    assert plain_html(parse(tex)) == plain_form


@pytest.mark.parametrize("tex", [r"\foo", r"\begin{tikz} a \end{tikz}", r"\frac{1"])
def test_unknown_tex_is_an_error(tex: str) -> None:
    with pytest.raises(ValueError, match="in "):
        parse(tex)
