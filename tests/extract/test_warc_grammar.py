import pytest

from pipeline.extract.grammar import block_length, parse_block


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_block_ends_at_the_blank_line(end: bytes) -> None:
    block = end.join([b"HTTP/1.1 200 OK", b"A: 1", b"", b""])
    assert block_length(b"xx" + block + b"body\r\n\r\nmore", 2) == len(block)
    assert block_length(block[:-1], 0) == 0
    assert parse_block(block) == ("HTTP/1.1 200 OK", {"a": "1"})


def test_mixed_line_ends() -> None:
    block = b"HTTP/1.1 200 OK\r\nA: 1\nB:2\r\n\n"
    assert block_length(block + b"x\r\n\r\n", 0) == len(block)
    assert parse_block(block) == ("HTTP/1.1 200 OK", {"a": "1", "b": "2"})


def test_fields() -> None:
    block = b"WARC/1.0\r\nA: one\r\nno colon\r\na: two\r\nFolded: x\r\n\ty\r\nBad: \xff\r\nEmpty:\r\n\r\n"
    assert parse_block(block) == ("WARC/1.0", {"a": "one", "folded": "x y", "bad": "\ufffd", "empty": ""})


def test_blocks_longer_than_the_parser_takes() -> None:
    lines = [b"HTTP/1.1 200 OK", *(b"F%d: %s" % (number, b"v" * 20) for number in range(2000)), b"", b""]
    first, headers = parse_block(b"\r\n".join(lines))
    assert (first, len(headers), headers["f1999"]) == ("HTTP/1.1 200 OK", 2000, "v" * 20)
    long_line = b"HTTP/1.1 200 OK\r\nA: 1\r\nB: " + b"x" * 40_000 + b"\r\nC: 3\r\n\r\n"
    first, headers = parse_block(long_line)
    assert (first, headers["a"], headers["c"]) == ("HTTP/1.1 200 OK", "1", "3")
    assert parse_block(b"x" * 50_000)[1] == {}
    assert parse_block(b"\n" * 50_000) == ("", {})


def test_an_empty_block() -> None:
    assert parse_block(b"") == ("", {})
