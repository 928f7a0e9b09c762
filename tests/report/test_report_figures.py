"""The figures: funnel and balance from the ledgers, distributions from the Parquet files, charts from both."""

from pathlib import Path

import pytest
from report.corpus_writer import MakeCorpus, document, left_out

from pipeline.report.charts import HEIGHT, WIDTH, Chart, count_chart, score_chart, sum_chart, year_chart
from pipeline.report.distributions import Counts, Distributions, Group, Scores, Year, bin_edges, distributions
from pipeline.report.files import CorpusFiles, database
from pipeline.report.funnel import balances, funnel
from pipeline.shard.manifest import Manifest


@pytest.fixture
def corpus(make_corpus: MakeCorpus) -> Manifest:
    """Ten records: 4 no pages, 6 pages; 5 extracted, 4 filtered, 3 kept."""
    return make_corpus(
        kept=[
            document(1, math_score=0.55, tokens=1, formulas=0, host="a.example"),
            document(2, math_score=0.999, tokens=7, formulas=3, host="b.example", language_score=None),
            document(3, math_score=1.0, tokens=8, formulas=0, host="b.example"),
        ],
        gone=[
            (None, left_out(10, "extract", "not_response", value="request")),
            (None, left_out(11, "extract", "not_response", value="request")),
            (None, left_out(12, "extract", "revisit")),
            (None, left_out(13, "extract", "http_status", value="404")),
            (None, left_out(14, "extract", "corrupt")),
            (document(15, math_score=0.0, language="de"), left_out(15, "filter", "language", value="de 0.900")),
            (document(16, math_score=0.6), left_out(16, "dedup", "duplicate", survivor=document(1)["id"])),
        ],
    )


def _counted(manifest: Manifest, folder: Path) -> Distributions:
    with database() as connection:
        return distributions(CorpusFiles(manifest, folder), connection)


def test_the_funnel_starts_at_pages(corpus: Manifest) -> None:
    drawn = funnel(corpus)
    assert (drawn.records, drawn.pages) == (10, 6)
    assert [(r.name, r.count, r.share) for r in drawn.not_pages] == [
        ("not_response", 2, 0.2),
        ("http_status", 1, 0.1),
        ("revisit", 1, 0.1),
    ]
    assert [(s.stage, s.pages_in, s.kept, [(r.name, r.count) for r in s.reasons]) for s in drawn.steps] == [
        ("extract", 6, 5, [("corrupt", 1)]),
        ("filter", 5, 4, [("language", 1)]),
        ("dedup", 4, 3, [("duplicate", 1)]),
        ("shard", 3, 3, []),
    ]
    assert drawn.steps[1].reasons[0].start == 4 / 6
    assert drawn.steps[1].reasons[0].share == 1 / 5


def test_the_ledger_balances_and_says_when_not(corpus: Manifest) -> None:
    assert [(b.balances, b.joins) for b in balances(corpus)] == [
        (True, None), (True, True), (True, True), (True, True)
    ]  # fmt: skip
    stages = list(corpus.stages)
    stages[1] = stages[1].model_copy(update={"ledger": {"in": 5, "kept": 3, "dropped": {"language": 1}}})
    wrong = balances(corpus.model_copy(update={"stages": tuple(stages)}))
    assert [(b.balances, b.joins) for b in wrong] == [(True, None), (False, True), (True, False), (True, True)]


def test_distributions_are_exact(corpus: Manifest, tmp_path: Path) -> None:
    found = _counted(corpus, tmp_path)
    math, language = found.scores
    assert {place: count for place, count in enumerate(math.corpus) if count} == {11: 1, 19: 2}
    assert {place: count for place, count in enumerate(math.extracted) if count} == {0: 1, 11: 1, 12: 1, 19: 2}
    assert (math.threshold, language.threshold) == (0.5, 0.65)
    assert (math.unset, language.unset) == (0, 1)
    tokens, formulas = found.counts
    places, sums = (0, 1, 0, 0, 0, 0, 0, 1, 1), (0, 1, 0, 0, 0, 0, 0, 7, 8)
    assert tokens == Counts("tokens", tuple(range(10)), places, sums, 3, 16 / 3, (1, 7, 8, 8))
    assert formulas == Counts("formulas", (0, 1, 2, 3, 4), (2, 0, 0, 1), (0, 0, 0, 3), 3, 1.0, (0, 0, 3, 3))
    assert found.domains == (Group("b.example", 2, 2, 15, 3), Group("a.example", 1, 1, 1, 0))
    assert (found.num_domains, found.num_hosts) == (2, 2)
    assert found.years == (Year(2024, 3, 16, 3),)
    assert found.languages == (Group("en", 4, 3, 16, 3), Group("de", 1, 0, 0, 0))
    assert (found.first, found.last, found.extractors) == ("2024-01-02", "2024-01-04", ("mathmill@1",))


def test_distributions_of_nothing(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    found = _counted(make_corpus(), tmp_path)
    assert found.counts == (Counts("tokens", (), (), (), 0, None, ()), Counts("formulas", (), (), (), 0, None, ()))
    assert (found.domains, found.years, found.languages, found.first, found.last) == ((), (), (), None, None)
    assert sum(found.scores[0].corpus) == 0


def test_scores_that_are_no_numbers_are_unset(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    scores = [float("nan"), None, -0.5, 7.0, float("inf")]
    kept = [document(number, math_score=score) for number, score in enumerate(scores)]
    math = _counted(make_corpus(kept), tmp_path).scores[0]
    assert (math.unset, math.corpus[0], math.corpus[-1]) == (2, 1, 2)


def test_a_folder_may_have_a_name_like_a_pattern(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    manifest = make_corpus([document(1)])
    odd = tmp_path / "we[i]rd *?"
    odd.mkdir()
    for entry in list(tmp_path.iterdir()):
        if entry != odd:
            entry.rename(odd / entry.name)
    assert _counted(manifest, odd).num_hosts == 1


def _within(chart: Chart) -> bool:
    return all(
        bar.x >= chart.left - 1
        and bar.x + bar.width <= WIDTH
        and bar.y >= 0
        and round(bar.y + bar.height, 1) == round(chart.base, 1)
        for bar in chart.bars
    ) and all(0 <= label.y <= HEIGHT for label in (*chart.across, *chart.up))


@pytest.mark.parametrize("largest", [1, 2, 9, 10, 11, 999, 1000, 123_456_789])
def test_bars_stay_in_the_chart(largest: int) -> None:
    corpus = (0,) * 10 + (1,) * 9 + (largest,)
    scored = score_chart(Scores("math_score", (largest,) * 20, corpus, 0.5, 0))
    assert _within(scored)
    assert len(scored.bars) == 30
    counted = count_chart(Counts("tokens", (0, 1, 2, 4), (largest, 0, 1), (0, 0, 3), largest + 1, 1.0, (0, 0, 0, 2)))
    assert _within(counted)
    assert [bar.tip for bar in counted.bars] == [f"0: {largest:,} document{'s' * (largest > 1)}", "2 to 3: 1 document"]


@pytest.mark.parametrize(
    ("smallest", "largest", "edges"),
    [
        (0, 0, (0, 1)),
        (0, 3, (0, 1, 2, 3, 4)),
        (7, 32, tuple(range(34))),
        (0, 33, (0, 1, 2, 4, 8, 16, 32, 64)),
        (3, 64, (2, 4, 8, 16, 32, 64, 128)),
        (33, 33, (33, 34)),
        (300, 429, tuple(range(300, 431, 10))),
        (60, 480, tuple(range(50, 501, 50))),
    ],
)
def test_bins_fit_the_numbers(smallest: int, largest: int, edges: tuple[int, ...]) -> None:
    assert bin_edges(smallest, largest) == edges


@pytest.mark.parametrize("largest", [1, 32, 33, 100, 999, 1000, 65_535, 65_536, 10**9])
@pytest.mark.parametrize("part", [1, 2, 9, 10**9])
def test_bins_hold_both_ends_and_are_few(largest: int, part: int) -> None:
    smallest = largest // part
    edges = bin_edges(smallest, largest)
    assert edges[0] <= smallest
    assert edges[-2] <= largest < edges[-1]
    assert list(edges) == sorted(set(edges))
    assert len(edges) <= 35


def test_a_chart_of_nothing_has_no_bars() -> None:
    assert count_chart(Counts("tokens", (), (), (), 0, None, ())).bars == ()
    assert score_chart(Scores("math_score", (0,) * 20, (0,) * 20, None, 0)).bars == ()


def test_tokens_by_length_and_by_year() -> None:
    counts = Counts("tokens", (0, 1, 2, 4), (5, 0, 2), (0, 0, 6), 7, 6 / 7, (0, 0, 3, 3))
    assert [bar.tip for bar in sum_chart(counts).bars] == ["2 to 3: 6 tokens"]
    drawn = year_chart((Year(2019, 1, 10, 0), Year(2021, 2, 30, 4), Year(None, 1, 5, 0)))
    assert [label.text for label in drawn.across] == ["2019", "2020", "2021", "undated"]
    assert [bar.tip for bar in drawn.bars] == [
        "2019: 10 tokens in 1 document",
        "2021: 30 tokens in 2 documents",
        "undated: 5 tokens in 1 document",
    ]
    assert _within(drawn)
    assert year_chart((Year(2019, 1, 0, 0),)).bars == year_chart(()).bars == ()
    assert _within(year_chart(tuple(Year(year, 1, year, 0) for year in range(1996, 2030))))


def test_domains_are_what_was_registered(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    hosts = ["math.example.co.uk", "www.example.co.uk", "a.github.io", "co.uk", "127.0.0.1", None, "bücher.example"]
    found = _counted(make_corpus([document(n, host=host, tokens=1) for n, host in enumerate(hosts)]), tmp_path)
    assert [(group.name, group.documents) for group in found.domains] == [
        ("example.co.uk", 2),
        ("127.0.0.1", 1),
        ("bücher.example", 1),
        ("co.uk", 1),
        ("github.io", 1),
        (None, 1),
    ]
    assert (found.num_domains, found.num_hosts) == (6, 7)
