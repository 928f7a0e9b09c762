"""The search index: a line per document and left-out page, bounded, deterministic."""

import base64
import gzip
from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, Row, document, left_out

from pipeline.report import search
from pipeline.report.files import CorpusFiles, database
from pipeline.report.search import SearchIndex, search_index
from pipeline.shard.manifest import Manifest


def _index(manifest: Manifest, folder: Path) -> SearchIndex:
    with database() as connection:
        return search_index(CorpusFiles(manifest, folder), connection)


def _lines(index: SearchIndex) -> list[str]:
    return gzip.decompress(base64.b64decode(index.data)).decode().splitlines()


@pytest.fixture
def corpus(make_corpus: MakeCorpus) -> Manifest:
    gone: list[tuple[Row | None, Row]] = [
        (None, left_out(10, "extract", "revisit")),
        (None, left_out(11, "extract", "corrupt", id=None, url="https://x.example/\tq\n")),
        (None, left_out(12, "extract", "corrupt", id=None, url=None)),
        (document(13), left_out(13, "filter", "math", value="0.100")),
        (document(14), left_out(14, "dedup", "duplicate_near", survivor=document(1)["id"])),
    ]
    return make_corpus([document(2, math_score=None), document(1, tokens=1234)], gone)


def test_lines_tell_what_became_of_each(corpus: Manifest, tmp_path: Path) -> None:
    index = _index(corpus, tmp_path)
    assert _lines(index) == [
        "\thttps://x.example/␉q␊\tleft out at extract: corrupt",
        f"{1:032x}\thttps://host1.example/page/1\tin the corpus: 1,234 tokens, math 0.010",
        f"{2:032x}\thttps://host2.example/page/2\tin the corpus: 30 tokens",
        f"{13:032x}\thttps://host1.example/page/13\tleft out at filter: math (0.100)",
        f"{14:032x}\thttps://host2.example/page/14\tleft out at dedup: duplicate_near, {1:032x} stands for it",
    ]
    assert (index.documents, index.documents_in_all, index.left_out, index.left_out_in_all) == (2, 2, 3, 4)
    assert index.data == _index(corpus, tmp_path).data


def test_the_index_is_bounded(corpus: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "INDEXED", 1)
    index = _index(corpus, tmp_path)
    assert (index.documents, index.left_out, index.whole) == (1, 1, False)
    assert _lines(index)[1].startswith(f"{1:032x}")
