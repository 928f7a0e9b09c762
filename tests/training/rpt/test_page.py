"""The page of positions: figures of the folder, texts that can do no harm."""

import re

import pytest

from pipeline.errors import BadInput
from pipeline.files import write_json
from support.positions import write_positions
from support.tokens import write_tokens
from training.commands import report
from training.rpt.positions import MANIFEST, Histogram, PositionManifest
from training.rpt.report import write_page
from training.rpt.report.page import bands, least_of_share
from training.rpt.samples import write_samples
from training.rpt.selection import Bands

SAMPLE = {
    "document": 3,
    "offset": 17,
    "entropy": 1.25,
    "full_entropy": 2.5,
    "logprob": -1.3862944,
    "correct": False,
    "id": "0" * 32,
    "url": "https://m.test/<b>",
    "before": "Let $x$ be\na <script>alert(1)</script> \u202e",
    "after": [" number", ".\n", "\\xe2"],
    "guesses": [{"text": " set", "probability": 0.5}, {"text": " number", "probability": 0.25}],
}


@pytest.fixture
def manifest(tmp_path):
    tokens = write_tokens(tmp_path / "tokens", [[5, 6, 7, 8, 0]])
    made = write_positions(tmp_path / "positions", tokens, [(0, 1, 0.2), (0, 2, 0.5), (0, 3, 2.25)], floor=0.5)
    samples = write_samples(made.folder, [SAMPLE])
    content = made.model_copy(update={"samples": samples}).model_dump(mode="json")
    write_json(made.folder / MANIFEST, content)
    return PositionManifest.load(made.folder)


def test_the_page_shows_figures_and_positions(manifest, capsys):
    report(manifest.folder)
    page = (manifest.folder / "report.html").read_text()
    assert capsys.readouterr().out == f"{manifest.folder / 'report.html'}\n"
    flat = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<body") :]))
    assert "3 positions in 1 documents, 2 ( 66.7 % )" in flat.replace("(66.7 %)", "( 66.7 % )")
    assert re.search(
        r"easy 0\.5 2 66\.7 % 1 33\.3 % medium 1\.0 1 33\.3 % 0 0\.0 % hard 1\.5 1 33\.3 % 1 33\.3 %", flat
    )
    assert "entropy 1.250 of the vocabulary 2.500 next token 25.0 % another was likelier" in flat
    assert '<span class="edge"></span><span class="token next"> number</span><span class="token">.␊</span>' in page
    assert "Let $x$ be\na &lt;script&gt;alert(1)&lt;/script&gt; ⟦202E⟧<span" in page
    assert "https://m.test/&lt;b&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert str(manifest.folder) not in page
    write_page(manifest)
    assert (manifest.folder / "report.html").read_text() == page


def test_a_page_without_its_samples_is_refused(manifest):
    (manifest.folder / "samples.parquet").unlink()
    with pytest.raises(BadInput, match=r"samples.parquet: missing"):
        report(manifest.folder)
    with pytest.raises(BadInput, match=r"samples.parquet: missing, though tokens names it"):
        write_page(manifest)


def test_sizes_come_from_the_histogram():
    histogram = Histogram(width=0.01, counts=(5, *[0] * 49, 3, *[0] * 49, 2, *[0] * 60, 10))
    found = [(band.name, band.nested, band.apart) for band in bands(histogram, Bands())]
    assert found == [("easy", 15, 3), ("medium", 12, 2), ("hard", 10, 10)]
    assert [least_of_share(histogram, share) for share in (0.1, 0.5, 0.51, 1.0)] == [1.61, 1.61, 1.0, 0.0]
