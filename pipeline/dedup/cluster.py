"""Which documents stay: equal ids, equal texts and near-duplicates, out of core in DuckDB.

Every decision is a function of the set of documents alone: not of parts, tasks, threads or the order of rows.
"""

from pathlib import Path

import duckdb

# Who stays in a group: the most formulas, then the longest text, then the smallest capture. A total order.
_BEST = "formulas DESC, chars DESC, id, warc_file, warc_offset"


def cluster(
    docs: list[Path], bands: list[Path], decisions: Path, *, temporary: Path, memory_bytes: int, threads: int
) -> None:
    """Decide on every document and write `decisions` (Parquet, ordered by part, then row).

    Args:
        docs: files of (part, row, id, warc_file, warc_offset, formulas, chars, text_hash), one row per document.
        bands: files of (band, key, part, row), one row per LSH band of a document.
        decisions: columns part, row, id, reason (null: stays), survivor, duplicates (size of the cluster, for those
            that stay) and value.
        temporary: folder for what exceeds memory.
        memory_bytes: DuckDB's memory limit.
        threads: DuckDB's threads.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(temporary / "cluster.duckdb")) as connection:
        connection.execute(f"SET memory_limit = '{memory_bytes}B'")
        connection.execute(f"SET temp_directory = '{_quoted(temporary / 'spill')}'")
        connection.execute(f"SET threads = {threads}")
        connection.execute("SET preserve_insertion_order = false")
        _load(connection, docs)
        _near_edges(connection, bands)
        _components(connection)
        _decide(connection, decisions)


def _load(connection: duckdb.DuckDBPyConnection, docs: list[Path]) -> None:
    """`docs`: every document; `node`: its rank in the keep order of ids among texts that are not exact duplicates."""
    connection.execute(
        f"""
        CREATE TABLE docs AS
        SELECT *, row_number() OVER (PARTITION BY id ORDER BY warc_file, warc_offset, part, row) = 1 AS first_of_id
        FROM {_files(docs)}
        """
    )
    # A text without words has no form to compare: it is nobody's duplicate.
    connection.execute(
        f"""
        CREATE TABLE uniques AS
        SELECT part, row, id, formulas, chars, warc_file, warc_offset, text_hash,
               first_value(id) OVER (PARTITION BY coalesce(text_hash, id) ORDER BY {_BEST}) AS exact
        FROM docs WHERE first_of_id
        """
    )
    connection.execute(
        f"""
        CREATE TABLE nodes AS
        SELECT row_number() OVER (ORDER BY {_BEST}) AS node, id, part, row
        FROM uniques WHERE exact = id
        """
    )


def _near_edges(connection: duckdb.DuckDBPyConnection, bands: list[Path]) -> None:
    """Edges from each member of a band's bucket to its best member: a star holds the bucket together."""
    connection.execute(
        f"""
        CREATE TABLE edges AS
        SELECT DISTINCT node, best FROM (
            SELECT node, min(node) OVER (PARTITION BY band, key) AS best
            FROM {_files(bands)} AS bands JOIN nodes USING (part, row)
        ) WHERE node <> best
        """
    )


def _components(connection: duckdb.DuckDBPyConnection) -> None:
    """Connected components by smallest label, with pointer jumping: rounds grow with the logarithm of the diameter."""
    connection.execute(
        "CREATE TABLE labels AS SELECT DISTINCT node, node AS label FROM "
        "(SELECT node FROM edges UNION ALL SELECT best FROM edges)"
    )
    while True:
        connection.execute(
            """
            CREATE OR REPLACE TABLE nearest AS
            SELECT node, min(label) AS label FROM (
                SELECT node, label FROM labels
                UNION ALL SELECT edges.node, labels.label FROM edges JOIN labels ON labels.node = edges.best
                UNION ALL SELECT edges.best, labels.label FROM edges JOIN labels ON labels.node = edges.node
            ) GROUP BY node
            """
        )
        connection.execute(
            """
            CREATE OR REPLACE TABLE jumped AS
            SELECT nearest.node, least(nearest.label, target.label) AS label
            FROM nearest JOIN nearest AS target ON target.node = nearest.label
            """
        )
        changed = connection.execute(
            "SELECT count(*) FROM jumped JOIN labels USING (node) WHERE jumped.label <> labels.label"
        ).fetchone()
        connection.execute("CREATE OR REPLACE TABLE labels AS SELECT * FROM jumped")
        if changed == (0,):
            return


def _decide(connection: duckdb.DuckDBPyConnection, decisions: Path) -> None:
    """A node's number is its rank in the keep order, so the label of a component is the node that stays."""
    connection.execute(
        """
        CREATE TABLE survivors AS
        SELECT nodes.id AS id, coalesce(best.id, nodes.id) AS survivor
        FROM nodes LEFT JOIN labels USING (node) LEFT JOIN nodes AS best ON best.node = labels.label
        """
    )
    connection.execute(
        """
        CREATE TABLE decided AS
        SELECT docs.part, docs.row, docs.id, survivors.survivor,
               CASE WHEN NOT docs.first_of_id THEN 'duplicate_id'
                    WHEN uniques.exact <> docs.id THEN 'duplicate_exact'
                    WHEN survivors.survivor <> docs.id THEN 'duplicate_near' END AS reason,
               CASE WHEN uniques.exact <> docs.id AND docs.first_of_id THEN docs.text_hash END AS value
        FROM docs
        JOIN uniques ON uniques.id = docs.id
        JOIN survivors ON survivors.id = uniques.exact
        """
    )
    connection.execute(
        f"""
        COPY (
            SELECT part, row, id, reason, CASE WHEN reason IS NOT NULL THEN survivor END AS survivor, value,
                   CASE WHEN reason IS NULL THEN clusters.size END AS duplicates
            FROM decided JOIN (SELECT survivor, count(*)::INTEGER AS size FROM decided GROUP BY survivor) AS clusters
            USING (survivor)
            ORDER BY part, row
        ) TO '{_quoted(decisions)}' (FORMAT parquet, COMPRESSION zstd)
        """
    )


def _files(paths: list[Path]) -> str:
    return "read_parquet([" + ", ".join(f"'{_quoted(path)}'" for path in paths) + "])"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
