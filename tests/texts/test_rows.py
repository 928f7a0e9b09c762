"""Whatever a file of rows holds, each row is a document to be or has a reason; nothing raises but the machine."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.extract.limits import Limits
from pipeline.remote import RemoteError
from pipeline.texts.columns import Columns
from pipeline.texts.documents import Texts
from pipeline.texts.json_lines import JsonRows
from pipeline.texts.parquet import ParquetRows, parquet_head

LIMITS = Limits(text_chars=200, page_bytes=400)
FIELDS = ("text", "id", "url", "date", "language", "language_score", "math_score", "quality_score", "title")
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.text(st.characters(categories=["Cs", "Lu"]), max_size=5),
    st.sampled_from(["2024-02-30", "9999-12-31T23:59:59.9999+00:00", "0001-01-01T00:00:00+14:00", "en", "EN"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def items_of(rows, columns=None):
    reader = Texts(rows, "f", columns or Columns(), "crawl", LIMITS)
    items = list(reader)
    for item in items:
        assert (item.page is None) == (item.reason is not None) == (item.value is not None)
        assert item.page is None or item.identity["id"] is not None
        assert item.identity["warc_file"] is item.identity["warc_offset"] is None
        item.columns()
    return items, reader.info()


def json_items(data, columns=None):
    return items_of(JsonRows(io.BytesIO(data), columns or Columns(), 1600), columns)


def parquet_items(table, columns=None, **options):
    stored = io.BytesIO()
    pq.write_table(table, stored, **options)
    return items_of(ParquetRows(stored, columns or Columns(), whole=True), columns)


@given(st.lists(st.one_of(st.binary(max_size=40), st.dictionaries(st.sampled_from(FIELDS), VALUES)), max_size=8))
@settings(max_examples=150, deadline=None)
def test_every_json_line_is_accounted_for(lines):
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    expected = sum(bool(line.strip()) for line in data.split(b"\n"))
    found, info = json_items(data)
    assert len(found) == expected
    assert info["status"] == ("ok" if data else "empty")
    for packed in (gzip.compress(data), zstandard.compress(data)):
        assert [(item.identity, item.reason, item.value) for item in json_items(packed)[0]] == [
            (item.identity, item.reason, item.value) for item in found
        ]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_every_parquet_row_is_accounted_for(data):
    count = data.draw(st.integers(1, 6))
    kinds = {
        pa.string(): st.text(max_size=300),
        pa.binary(): st.binary(max_size=20),
        pa.float64(): st.floats(),
        pa.int64(): st.integers(-(1 << 63), (1 << 63) - 1),
        pa.timestamp("us"): st.integers(-(1 << 62), 1 << 62),
        pa.timestamp("ns", "Europe/Zurich"): st.integers(-(1 << 62), 1 << 62),
        pa.date32(): st.integers(-(1 << 31), (1 << 31) - 1),
        pa.list_(pa.int64()): st.lists(st.integers(0, 9), max_size=2),
        pa.dictionary(pa.int32(), pa.string()): st.text(max_size=9),
    }
    columns = {}
    for name in ("text", *data.draw(st.sets(st.sampled_from(FIELDS[1:])))):
        kind = data.draw(st.sampled_from(list(kinds)))
        values = data.draw(st.lists(st.none() | kinds[kind], min_size=count, max_size=count))
        columns[name] = pa.array(values, kind)
    found, info = parquet_items(pa.table(columns))
    assert len(found) == count
    assert (info["status"], info["error"]) == ("ok", None)


def test_strings_that_are_not_utf8_cost_their_own_row_alone():
    texts = pa.array([b"A proof.", b"\xff\xfe", b"Another proof."], pa.binary()).view(pa.string())
    found, _ = parquet_items(pa.table({"text": texts, "url": texts}))
    assert [(item.reason, item.value) for item in found] == [(None, None), ("not_utf8", "row 1: byte 0"), (None, None)]
    assert found[1].identity["url"] is None


@pytest.mark.parametrize(
    ("line", "reason", "value"),
    [
        (b'{"text": 5}', "no_text", "row 0: int"),
        (b'{"texts": "x"}', "no_text", "row 0: null"),
        (b'{"text": " \\n"}', "empty", "row 0: 2 characters"),
        (b'{"text": "\\ud800"}', "not_utf8", "row 0: a lone surrogate at character 0"),
        (b'{"text": "\xff"}', "not_utf8", "row 0: byte 10 of the line"),
        (b'{"text": "x"', "not_json", "row 0: Expecting ',' delimiter: line 1 column 13 (char 12)"),
        (b"[" * 1000, "not_json", None),
        (b'["x"]', "not_json", "row 0: list, not an object"),
        (b'{"text": "%s"}' % (b"x" * 201), "text_too_long", "row 0: 201 characters"),
        (b'{"text": "%s"}' % (b"x" * 2000), "too_large", "row 0: over 1600 bytes"),
    ],
)
def test_a_line_that_gives_no_document_says_why(line, reason, value):
    (item,) = json_items(line + b"\n")[0]
    assert item.reason == reason
    assert value is None or item.value == value


def test_a_long_line_costs_no_memory_and_the_next_one_goes_on():
    found, _ = json_items(b"x" * (1 << 20) + b'\n\n{"text": "A proof."}')
    assert [(item.reason, item.origin.row) for item in found] == [("too_large", 0), (None, 2)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_damage_in_compressed_lines_is_one_record_behind_what_could_be_read(pack):
    lines = [json.dumps({"text": f"Proof {number} {hash(str(number))}"}).encode() for number in range(1000)]
    whole = pack(b"\n".join(lines[:500]) + b"\n") + pack(b"\n".join(lines[500:]))
    found, info = json_items(whole[: len(whole) * 4 // 5])
    assert info["status"] == "ok"
    assert found[-1].reason == "corrupt"
    assert found[-1].value.startswith(f"rows from {len(found) - 1} on: compressed data: ")
    assert 500 <= len(found) - 1 < 1000
    assert all(item.reason is None for item in found[:-1])


def test_zeros_behind_gzip_are_padding_and_anything_else_is_damage():
    packed = gzip.compress(b'{"text": "A proof."}\n')
    assert [item.reason for item in json_items(packed + bytes(1000))[0]] == [None]
    assert [item.reason for item in json_items(packed + b"notes")[0]] == [None, "corrupt"]


def broken_group(codec="snappy"):
    """A Parquet file of three row groups, the second of which does not decompress."""
    stored = io.BytesIO()
    texts = [f"Proof {number}: " + "x" * 50 for number in range(300)]
    pq.write_table(pa.table({"text": texts}), stored, row_group_size=100, compression=codec, use_dictionary=False)
    data = bytearray(stored.getvalue())
    column = pq.ParquetFile(stored).metadata.row_group(1).column(0)
    start = column.data_page_offset + 40
    data[start : start + column.total_compressed_size - 60] = b"\xff" * (column.total_compressed_size - 60)
    return bytes(data)


def test_a_broken_row_group_is_one_record_and_the_next_group_goes_on():
    found, info = items_of(ParquetRows(io.BytesIO(broken_group()), Columns(), whole=True))
    assert info["status"] == "ok"
    assert [item.reason for item in found] == [None] * 100 + ["corrupt"] + [None] * 100
    assert found[100].value.startswith("rows 100 to 199, row group 1: ")
    assert found[101].origin.row == 200


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), RemoteError("gone")])
def test_an_error_of_the_machine_is_no_property_of_the_file(error):
    stored = io.BytesIO()
    pq.write_table(pa.table({"text": ["x" * 100_000]}), stored, compression="none")

    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() < 1000:
                raise error
            return super().read(size)

    with pytest.raises(type(error)):
        list(ParquetRows(Failing(stored.getvalue()), Columns(), whole=False))


def test_a_row_group_larger_than_memory_is_read_in_pieces():
    stored = io.BytesIO()
    texts = [f"{number:x}" * 200 for number in range(30_000)]
    pq.write_table(pa.table({"text": texts}), stored, compression="none", use_dictionary=False)
    sizes = []

    class Counting(io.BytesIO):
        def read(self, size=-1):
            sizes.append(size)
            return super().read(size)

    rows = ParquetRows(Counting(stored.getvalue()), Columns(), whole=False)
    assert sum(1 for _ in rows) == 30_000
    assert stored.tell() > 20 << 20
    assert max(sizes) <= 8 << 20


def test_a_file_that_is_not_parquet_has_a_status():
    rows = ParquetRows(io.BytesIO(b"PAR1" + bytes(100)), Columns(), whole=True)
    assert list(rows) == []
    assert rows.status == "not_parquet"
    assert rows.error
    found, info = parquet_items(pa.table({"body": ["A proof."]}))
    assert found == []
    assert (info["status"], info["error"]) == (
        "no_column",
        "no column text or content; it has body: name one in columns.text",
    )


def test_columns_by_their_usual_names_and_by_given_ones():
    row = {
        "id": "<urn:uuid:0D8A309D-25c5-405d-a08a-c11239f0d717>",
        "content": "A proof.",
        "metadata": {"url": "https://A.test/x", "date": "2024-05-01T02:00:00.123456+02:00", "language": "en"},
        "score": 4.5,
        "language_score": 0.9,
        "math_score": 7,
    }
    columns = Columns.model_validate_json('{"scores": {"finemath": {"column": "score", "highest": 5}}}')
    for found, _ in (
        json_items(json.dumps(row).encode(), columns),
        parquet_items(pa.Table.from_pylist([row]), columns),
    ):
        (item,) = found
        assert item.identity["id"] == "0d8a309d25c5405da08ac11239f0d717"
        assert item.identity["url"] == "https://A.test/x"
        assert item.columns()["date"].isoformat() == "2024-05-01T00:00:00.123000+00:00"
        assert item.columns()["host"] == "a.test"
        assert item.scores == {"finemath": 0.9}
        assert (item.page.language, item.page.language_score, item.page.math_score) == ("en", 0.9, None)
    (bare,) = json_items(json.dumps(row).encode(), Columns(id=(), url=(), date=()))[0]
    (same,) = json_items(json.dumps({"text": "A proof."}).encode())[0]
    assert bare.identity == same.identity, "an id that is not given comes from URL, date and text"


def test_html_in_a_column():
    html = "<p>Straße: $x^2$</p>"
    columns = Columns(html=("html",))
    table = pa.table({"html": pa.array([html, None]), "text": ["not read", "not read"], "url": ["http://a.test", None]})
    found, _ = parquet_items(table, columns)
    assert (found[0].page.html, found[0].page.url, found[0].page.charset) == (html.encode(), "http://a.test", "utf-8")
    assert (found[1].reason, found[1].value) == ("no_text", "row 1: null")
    served = parquet_items(pa.table({"html": pa.array([html.encode("latin-1")], pa.binary())}), columns)[0][0]
    assert (served.page.html, served.page.charset) == (html.encode("latin-1"), None)


def test_the_head_of_a_large_file_is_small_and_alike():
    texts = [f"Proof {number} {number * 7919 % 104729}" for number in range(50_000)]
    stored = io.BytesIO()
    pq.write_table(pa.table({"text": texts, "n": range(50_000)}), stored, compression="zstd")
    head = parquet_head(stored, 100_000)
    found = pq.read_table(io.BytesIO(head))
    assert found["text"].to_pylist() == texts[: len(found)]
    assert 50_000 < len(head) < 200_000
