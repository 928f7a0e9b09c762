import errno

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from pipeline.document import SCHEMA, table
from pipeline.files import atomic_path, canonical, digest, file_digest, parquet_file, remove_leftovers, write_json

ROWS = pa.schema([("a", pa.int64())])


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "deep" / "file.txt"

    def full_disk():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        full_disk()
    assert list(path.parent.iterdir()) == []
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "data").mkdir()
    leftover, kept = tmp_path / "data" / ".part.parquet.123.tmp", tmp_path / "data" / "part.parquet"
    leftover.touch()
    kept.touch()
    remove_leftovers(tmp_path)
    assert not leftover.exists()
    assert kept.exists()


def test_digests_do_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": [True, None]}) == b'{"a":[true,null],"b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})


def test_a_parquet_file_describes_itself(tmp_path):
    with parquet_file(tmp_path, "data/x.parquet", ROWS, row_group_bytes=1) as file:
        file.write(pa.table({"a": [1, 2]}, schema=ROWS))
        file.write(pa.table({"a": [3]}, schema=ROWS))
        assert not (tmp_path / "data" / "x.parquet").exists()
    path = tmp_path / "data" / "x.parquet"
    assert file.output.model_dump() == {
        "path": "data/x.parquet",
        "rows": 3,
        "bytes": path.stat().st_size,
        "xxh3_128": xxhash.xxh3_128_hexdigest(path.read_bytes()),
    }
    assert file_digest(path) == file.output.xxh3_128
    assert pq.ParquetFile(path).num_row_groups == 2


def test_a_failing_writer_leaves_no_parquet_file(tmp_path):
    def fail():
        with parquet_file(tmp_path, "x.parquet", ROWS) as file:
            file.write(pa.table({"a": [1]}, schema=ROWS))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_another_schema_is_refused(tmp_path):
    with pytest.raises(ValueError, match="declared schema"), parquet_file(tmp_path, "x.parquet", ROWS) as file:
        file.write(pa.table({"a": ["1"]}))


def test_a_row_with_an_undeclared_key_is_refused():
    with pytest.raises(ValueError, match=r"\['colour'\]"):
        table([{"id": "0" * 32, "text": "t", "colour": "red"}])
    row = table([{"id": "0" * 32, "text": "t"}])
    assert row.schema == SCHEMA
    assert row["url"].to_pylist() == [None]


def test_json_files_keep_their_order(tmp_path):
    write_json(tmp_path / "x.json", {"z": 1, "a": "é"})
    assert (tmp_path / "x.json").read_text() == '{\n  "z": 1,\n  "a": "é"\n}\n'
