"""The page as a whole: complete, deterministic, self-contained, and inert whatever the pages hold."""

import base64
import hashlib
import re
import shutil
import string
from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, Row, document, input_file, left_out
from selectolax.lexbor import LexborHTMLParser

from pipeline.errors import BadInput
from pipeline.report import render_report
from pipeline.shard.manifest import Manifest

BASE64 = string.ascii_letters + string.digits + "+/="
RUN = "document.documentElement.dataset.ran=1"
HOSTILE = (
    f"</style><script>{RUN}</script>",
    f"</title></details></div></body></html><script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}"><svg onload=\'{RUN}\'>',
    f"' onmouseover='{RUN}' autofocus onfocus='{RUN}",
    f"<iframe src='javascript:parent.{RUN}'></iframe><base href='http://evil.example/'>",
    "<meta http-equiv='refresh' content='0;url=http://evil.example/'><link rel=stylesheet href='//evil.example/a'>",
    "{{ 7 * 7 }} {% include 'report.css' %} ${7*7} <!-- --!> ]]> &lt;script&gt;",
    f"$<script>{RUN}</script>$ $$</code><script>{RUN}</script>$$",
    "\u202eevil\u2066\u200b\x00\x1b]0;title\x07",
)


def hostile_corpus(make_corpus: MakeCorpus) -> Manifest:
    """Every string that comes from outside is hostile, in kept and in left-out documents and in the input list."""

    def all_columns(number: int, payload: str) -> Row:
        columns = ("title", "url", "host", "warc_file", "language", "extractor")
        url = payload if number % 2 else f"javascript:{RUN}//{payload}"
        return document(number, **dict.fromkeys(columns, payload), text=payload * 3) | {"url": url}

    kept = [all_columns(number, payload) for number, payload in enumerate(HOSTILE)]
    kept.append(document(50, title="T" * 100_000, url="http://evil.example/" + "u" * 100_000, text="<b>" * 100_000))
    gone: list[tuple[Row | None, Row]] = []
    for number, payload in enumerate(HOSTILE, start=100):
        row = all_columns(number, payload)
        why = left_out(number, "filter", "math", value=payload, survivor=payload)
        gone.append((row, why | {key: row[key] for key in ("url", "warc_file")}))
    return make_corpus(kept, gone, [input_file(payload, payload) for payload in HOSTILE])


def _plain_corpus(make_corpus: MakeCorpus) -> Manifest:
    gone: list[tuple[Row | None, Row]] = [
        (None, left_out(n, "extract", "not_response", value="request")) for n in range(100, 2100)
    ]
    gone += [(None, left_out(n, "extract", "empty")) for n in range(3000, 3004)]
    gone += [(document(n), left_out(n, "filter", "math", value="0.1")) for n in range(4000, 5000)]
    return make_corpus([document(n, math_score=0.9) for n in range(40)], gone)


def test_an_empty_corpus_renders(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = make_corpus()
    for variant in (manifest, manifest.model_copy(update={"shards": ()})):
        page = render_report(variant, tmp_path)
        assert "No documents." in page
        assert "Nothing was left out." in page


def test_the_funnel_shows_the_ledger(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    tree = LexborHTMLParser(render_report(_plain_corpus(make_corpus), tmp_path))
    shown = [
        [cell.text(strip=True) for cell in row.css("td") if not cell.css("svg")]
        for row in tree.css("table.funnel tbody tr")
    ]
    assert [[cell for cell in row if cell] for row in shown] == [
        ["records read", "3,044"],
        ["not_response", "no pages, set apart", "−2,000", "65.7 %"],
        ["pages", "1,044", "100.0 %"],
        ["empty", "−4", "0.4 %", "0.4 %"],
        ["after extract", "1,040", "99.6 %", "99.6 %"],
        ["math", "−1,000", "96.2 %", "95.8 %"],
        ["after filter", "40", "3.8 %", "3.8 %"],
        ["after dedup", "40", "100.0 %", "3.8 %"],
        ["corpus", "40", "100.0 %", "3.8 %"],
    ]
    sums = [node.text() for node in tree.css("#ledger .yes")]
    assert sums[:2] == ["✓ 3,044 = 1,040 kept + 2,004 dropped", "✓ 1,040 = 40 kept + 1,000 dropped"]
    assert not tree.css("#ledger .no")
    assert len(tree.css("#kept article")) == len(tree.css("#left-out article")) == 20


def test_a_ledger_that_does_not_balance_is_marked(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = _plain_corpus(make_corpus)
    stages = list(manifest.stages)
    stages[1] = stages[1].model_copy(update={"ledger": {"in": 1040, "kept": 41, "dropped": {"math": 1000}}})
    tree = LexborHTMLParser(render_report(manifest.model_copy(update={"stages": tuple(stages)}), tmp_path))
    assert [node.text() for node in tree.css("#ledger .no")] == [
        "✗ 1,040 ≠ 41 kept + 1,000 dropped",
        "✗ does not read what the stage before kept",
    ]


def test_troubled_inputs_are_listed(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    inputs = [input_file("a.warc.gz", "ok", 2000), input_file("zero.warc.gz", "empty")]
    inputs += [input_file(f"{number:03}.html.gz", "not_warc") for number in range(60)]
    tree = LexborHTMLParser(render_report(make_corpus(inputs=inputs), tmp_path))
    section = tree.css_first("#inputs")
    assert section is not None
    assert "62 files" in section.text()
    assert "Status: empty 1, not_warc 60, ok 1." in section.text()
    assert [row.css_first("td").text() for row in section.css("tbody tr")][:2] == ["zero.warc.gz", "000.html.gz"]
    assert len(section.css("tbody tr")) == 50
    assert "and 11 more" in section.text()


def test_two_renders_are_equal_and_name_no_path(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    secret = {"inputs": [{"path": f"{tmp_path}/crawl/*.warc.gz"}], "extract": {"language_model": "~/models/lid.bin"}}
    manifest = make_corpus([document(number) for number in range(60)], settings=secret)
    page = render_report(manifest, tmp_path)
    assert page == render_report(manifest, tmp_path)
    moved = tmp_path.with_name("moved")
    shutil.copytree(tmp_path, moved)
    assert page == render_report(manifest, moved)
    assert str(tmp_path) not in page
    assert "path: …/*.warc.gz" in page
    assert "language_model: …/lid.bin" in page


def test_a_copy_without_stage_folders_still_reports(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = _plain_corpus(make_corpus)
    for stage in manifest.stages[:-1]:
        shutil.rmtree(tmp_path / stage.folder)
    page = render_report(manifest, tmp_path)
    assert "The stage folders are not beside this corpus." in page
    assert len(LexborHTMLParser(page).css("#kept article")) == 20


def test_a_missing_shard_is_an_error(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = make_corpus([document(1)])
    (tmp_path / manifest.shards[0].path).unlink()
    with pytest.raises(BadInput, match=r"train-00000.*missing"):
        render_report(manifest, tmp_path)


def test_hostile_pages_are_inert(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    page = render_report(hostile_corpus(make_corpus), tmp_path)
    tree = LexborHTMLParser(page)
    policy = tree.css_first('meta[http-equiv="Content-Security-Policy"]')
    assert policy is not None
    data, script = tree.css("script")
    allowed = base64.b64encode(hashlib.sha256(script.text().encode()).digest()).decode()
    assert (policy.attributes["content"] or "").startswith(f"default-src 'none'; script-src 'sha256-{allowed}'; style")
    assert (data.attributes["type"], set(data.text()) <= set(BASE64)) == ("text/plain", True)
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<body>")
    active = "iframe, object, embed, img, link, base, form, audio, video, template, meta[http-equiv=refresh]"
    assert tree.css(active) == []
    assert len(tree.css("script")) == len(tree.css("input")) == 2
    assert len(tree.css("style")) == len(tree.css("title:not(svg title)")) == len(tree.css("body")) == 1
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            assert not name.startswith("on"), node.html
            assert name not in ("src", "srcset", "action", "formaction", "style", "xlink:href"), node.html
            assert name != "href" or (value or "").startswith("#"), node.html
    assert len(tree.css("#kept article")) == len(HOSTILE) + 1
    text = tree.body.text() if tree.body else ""
    assert HOSTILE[0] in text
    assert "{{ 7 * 7 }}" in text
    assert re.findall("[\u202a-\u202e\u2066-\u2069\u200b\x00\x07\x1b]", page) == []
    assert "⟦202E⟧evil⟦2066⟧" in page


@pytest.mark.parametrize("character", ["\u202e", "&", '"', "𝔸", "$x$ "])
def test_the_page_is_bounded_whatever_the_text(make_corpus: MakeCorpus, tmp_path: Path, character: str) -> None:
    columns = dict.fromkeys(("title", "url", "host", "warc_file", "text"), character * 20_000)
    kept = [document(number, **columns) for number in range(25)]
    gone = [(document(n, **columns), left_out(n, "filter", character * 20_000)) for n in range(100, 125)]
    assert len(render_report(make_corpus(kept, gone), tmp_path).encode()) < 4_000_000
