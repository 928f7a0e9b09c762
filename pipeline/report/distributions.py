"""What a corpus is made of, counted over its Parquet files by DuckDB: scores, lengths, domains, languages, dates."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from publicsuffixlist import PublicSuffixList

from pipeline.report.files import CorpusFiles, day, rows
from pipeline.scores import QUALITY

SCORE_BINS = 20
TOP = 20
_SUFFIXES = PublicSuffixList(only_icann=True)
"""Of the registries alone: a site at a hoster (`name.github.io`) counts to the hoster, as in Common Crawl's figures."""


@dataclass(frozen=True)
class Scores:
    """Documents per score bin (`SCORE_BINS` equal ones over 0..1): of all extracted pages, and of the corpus.

    `threshold` is the lowest score that the recipe keeps; `unset` counts documents of the corpus without the score.
    """

    name: str
    extracted: tuple[int, ...]
    corpus: tuple[int, ...]
    threshold: float | None
    unset: int


@dataclass(frozen=True)
class Counts:
    """Documents per bin of a whole number: bin k holds the values from `edges[k]` to `edges[k + 1] - 1`.

    Quantiles are exact (the smallest value that at least the share of documents does not pass); none of no documents.
    """

    name: str
    edges: tuple[int, ...]
    bins: tuple[int, ...]
    sums: tuple[int, ...]
    """The values in each bin, added up: of tokens, how many lie in documents of that length."""
    total: int
    mean: float | None
    quantiles: tuple[int, ...]
    """At 5, 50, 95 and 100 %."""


@dataclass(frozen=True)
class Group:
    """A domain or a language: extracted pages and what the corpus holds of them."""

    name: str | None
    extracted: int
    documents: int
    tokens: int
    formulas: int


@dataclass(frozen=True)
class Year:
    """A year of capture, None where it is unknown, and what the corpus holds of it."""

    year: int | None
    documents: int
    tokens: int
    formulas: int


@dataclass(frozen=True)
class Distributions:
    """Everything counted. `first` and `last` are capture dates (ISO days) of the corpus, None when unknown."""

    scores: tuple[Scores, ...]
    counts: tuple[Counts, ...]
    domains: tuple[Group, ...]
    num_domains: int
    num_hosts: int
    years: tuple[Year, ...]
    languages: tuple[Group, ...]
    num_languages: int
    extractors: tuple[str, ...]
    first: str | None
    last: str | None


def distributions(files: CorpusFiles, connection: duckdb.DuckDBPyConnection) -> Distributions:
    """Count a corpus."""
    extracted = files.data(files.manifest.stages[0].name) if files.manifest.stages else []
    domains, num_domains, num_hosts = _domains(connection, extracted, files.shards)
    languages, num_languages = _languages(connection, extracted, files.shards)
    query = "SELECT min(epoch_ms(date)) AS first, max(epoch_ms(date)) AS last FROM FILES"
    dates = next(iter(rows(connection, query, files.shards)), {"first": None, "last": None})
    extractors = rows(connection, "SELECT DISTINCT extractor FROM FILES ORDER BY extractor", files.shards)
    return Distributions(
        scores=(
            *(
                _scores(connection, name, name, extracted, files.shards, _threshold(files, f"min_{name}"))
                for name in ("math_score", "language_score")
            ),
            *_further_scores(files, connection, extracted),
        ),
        counts=tuple(_counts(connection, name, files.shards) for name in ("tokens", "formulas")),
        domains=domains,
        num_domains=num_domains,
        num_hosts=num_hosts,
        years=_years(connection, files.shards),
        languages=languages,
        num_languages=num_languages,
        extractors=tuple(row["extractor"] for row in extractors if row["extractor"] is not None),
        first=day(dates["first"]),
        last=day(dates["last"]),
    )


def _further_scores(
    files: CorpusFiles, connection: duckdb.DuckDBPyConnection, extracted: Sequence[str]
) -> Iterator[Scores]:
    """Scores of further classifiers: `quality_score` where any document has it, and whatever stands in `scores`."""
    query = """
        WITH read AS (SELECT quality_score, scores FROM FILES)
        SELECT unnest(scores).name AS name FROM read UNION SELECT 'quality' FROM read WHERE quality_score IS NOT NULL"""
    names = {row["name"] for paths in (extracted, files.shards) for row in rows(connection, query, paths)}
    for name in sorted(names):
        quoted = name.replace("'", "''")
        column = "quality_score" if name == QUALITY else f"map_from_entries(scores)['{quoted}']"
        yield _scores(connection, name, column, extracted, files.shards, _threshold(files, "min_scores", name))


def _threshold(files: CorpusFiles, *keys: str) -> float | None:
    value = files.manifest.recipe.settings.get("filter", {})
    for key in keys:
        value = value.get(key, {})
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _scores(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    column: str,
    extracted: Sequence[str],
    shards: Sequence[str],
    threshold: float | None,
) -> Scores:
    bins, _ = _score_bins(connection, column, extracted)
    corpus, unset = _score_bins(connection, column, shards)
    return Scores(name, bins, corpus, threshold, unset)


def _score_bins(
    connection: duckdb.DuckDBPyConnection, column: str, paths: Sequence[str]
) -> tuple[tuple[int, ...], int]:
    """Documents per bin, the last one closed above; and how many have no score."""
    query = f"""
        SELECT CASE WHEN score IS NULL OR isnan(score) THEN -1
                    ELSE greatest(0, least({SCORE_BINS - 1}, floor(score * {SCORE_BINS}::FLOAT)))::INTEGER END AS bin,
               count(*) AS documents
        FROM (SELECT {column} AS score FROM FILES) GROUP BY bin"""
    found = {row["bin"]: row["documents"] for row in rows(connection, query, paths)}
    return tuple(found.get(number, 0) for number in range(SCORE_BINS)), found.get(-1, 0)


def _counts(connection: duckdb.DuckDBPyConnection, name: str, shards: Sequence[str]) -> Counts:
    query = f"""
        SELECT {name} AS value, count(*) AS documents FROM FILES WHERE {name} >= 0 GROUP BY value ORDER BY value"""
    found = rows(connection, query, shards)
    values = np.array([row["value"] for row in found], dtype=np.int64)
    documents = np.array([row["documents"] for row in found], dtype=np.int64)
    total = int(documents.sum())
    if not total:
        return Counts(name, (), (), (), 0, None, ())
    edges = bin_edges(int(values[0]), int(values[-1]))
    bins = np.zeros(len(edges) - 1, dtype=np.int64)
    sums = np.zeros_like(bins)
    place = np.searchsorted(edges, values, side="right") - 1
    np.add.at(bins, place, documents)
    np.add.at(sums, place, values * documents)
    reached = np.cumsum(documents)
    quantiles = tuple(int(values[np.searchsorted(reached * 100, percent * total)]) for percent in (5, 50, 95, 100))
    mean = int(sums.sum()) / total
    return Counts(name, edges, tuple(bins.tolist()), tuple(sums.tolist()), total, mean, quantiles)


def bin_edges(smallest: int, largest: int) -> tuple[int, ...]:
    """Edges of bins that hold `smallest` to `largest`, both at least 0.

    One bin a number up to 32; equal bins of a round width where the largest is at most eight times the smallest; else
    doublings: 0, 1, 2, 4, 8, …, with equal widths on a logarithmic axis.
    """
    if largest <= 32:
        return tuple(range(largest + 2))
    if largest <= 8 * smallest:
        width = round_up((largest - smallest + 1) / 20)
        first = smallest // width * width
        return tuple(range(first, largest + width + 1, width))
    edges = (0, *(1 << power for power in range(largest.bit_length() + 1)))
    return edges[max(place for place, edge in enumerate(edges) if edge <= smallest) :]


def round_up(value: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, … that is not below `value`."""
    power = int(10 ** math.floor(math.log10(max(1.0, value))))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)


def _domains(
    connection: duckdb.DuckDBPyConnection, extracted: Sequence[str], shards: Sequence[str]
) -> tuple[tuple[Group, ...], int, int]:
    """The `TOP` domains by tokens in the corpus, and how many domains and hosts it has.

    A domain is what was registered below a public suffix: `math.example.co.uk` is of `example.co.uk`.
    """
    if not shards:
        return (), 0, 0
    connection.create_function("domain", _registered, ["VARCHAR"], "VARCHAR", type="arrow", null_handling="special")
    query = f"""
        WITH hosts AS (SELECT host, count(*) AS documents, sum(tokens) AS tokens, sum(formulas) AS formulas
                       FROM FILES GROUP BY host)
        SELECT domain(host) AS name, sum(documents)::BIGINT AS documents,
               sum(tokens)::BIGINT AS tokens, sum(formulas)::BIGINT AS formulas,
               (count(*) OVER ())::BIGINT AS groups, (sum(count(*)) OVER ())::BIGINT AS hosts_in_all
        FROM hosts GROUP BY name ORDER BY tokens DESC NULLS LAST, documents DESC, name NULLS LAST LIMIT {TOP}"""
    top = rows(connection, query, shards)
    query = """
        SELECT domain(host) AS name, sum(pages)::BIGINT AS pages
        FROM (SELECT host, count(*) AS pages FROM FILES GROUP BY host) GROUP BY name"""
    wanted = {row["name"] for row in top}
    pages = {row["name"]: row["pages"] for row in rows(connection, query, extracted) if row["name"] in wanted}
    groups = tuple(
        Group(row["name"], pages.get(row["name"], 0), row["documents"], row["tokens"] or 0, row["formulas"] or 0)
        for row in top
    )
    return groups, top[0]["groups"] if top else 0, top[0]["hosts_in_all"] if top else 0


def _registered(hosts: pa.Array) -> pa.Array:
    """Hosts to domains; one that is a public suffix, an address or no name at all stands for itself."""
    return pa.array([host and _domain(host) for host in hosts.to_pylist()], pa.string())


def _domain(host: str) -> str:
    is_address = host[-1].isdigit() or ":" in host  # no top-level domain ends in a digit
    return host if is_address else str(_SUFFIXES.privatesuffix(host) or host)


def _years(connection: duckdb.DuckDBPyConnection, shards: Sequence[str]) -> tuple[Year, ...]:
    """What the corpus holds of each year of capture, the earliest first."""
    query = """
        SELECT year(make_timestamp(epoch_ms(date) * 1000)) AS year, count(*) AS documents,
               coalesce(sum(tokens), 0)::BIGINT AS tokens, coalesce(sum(formulas), 0)::BIGINT AS formulas
        FROM FILES GROUP BY year ORDER BY year NULLS LAST"""
    return tuple(Year(**row) for row in rows(connection, query, shards))


def _languages(
    connection: duckdb.DuckDBPyConnection, extracted: Sequence[str], shards: Sequence[str]
) -> tuple[tuple[Group, ...], int]:
    """The `TOP` languages by extracted pages, and how many languages there are."""
    query = "SELECT language, count(*) AS pages FROM FILES GROUP BY language"
    pages = {row["language"]: row["pages"] for row in rows(connection, query, extracted)}
    query = """
        SELECT language, count(*) AS documents, sum(tokens)::BIGINT AS tokens, sum(formulas)::BIGINT AS formulas
        FROM FILES GROUP BY language"""
    corpus = {row["language"]: row for row in rows(connection, query, shards)}
    none = {"documents": 0, "tokens": 0, "formulas": 0}
    groups = [
        Group(name, pages.get(name, 0), row["documents"], row["tokens"] or 0, row["formulas"] or 0)
        for name in pages.keys() | corpus.keys()
        for row in (corpus.get(name, none),)
    ]
    groups.sort(key=lambda group: (-group.extracted, -group.documents, group.name or ""))
    return tuple(groups[:TOP]), len(groups)
