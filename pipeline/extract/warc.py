"""WARC and ARC files to captures: every record, whatever became of it, and every stretch that holds none.

    with open(path, "rb") as file:
        warc = WarcFile(file, name="crawl-0001.warc.gz", max_bytes=10 << 20)
        for capture in warc:
            ...
    warc.status, warc.records, warc.xxh3_128

The contract, on which the ledger stands:

- A `Capture` comes for each record begun, of any type, in the order of the file, and for each stretch in which no
  record's header can be read (`type` is "" then). Offsets are unique and increase. Nothing is dropped silently.
- `reason` is None exactly when `payload` is a page to extract: a response with status 2xx, or a `resource` or
  `conversion` record, that is whole and holds HTML by its media type, or by its first bytes where there is none.
- Damage is never fatal: reading goes on at the next gzip member, or the next header, that is a WARC record's.
- OSError (disk, network) propagates: it is no property of the file and no drop.
- Memory is a few times `max_bytes`, whatever the file holds.

Reasons, the damage before the rest: `corrupt` (invalid data, wrong checksum, wrong length, no header), `truncated`
(fewer bytes than declared, a WARC-Truncated field, a first segment, a compressed body that ends early), `revisit`,
`not_response`, `too_large`, `unreadable_http`, `http_status`, `content_type`. See docs/reading.md.
"""

from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import BinaryIO, Literal

from pipeline.extract.capture import Capture, judge, unreadable
from pipeline.extract.decoded import End, Member, Packing, PlainFile, begins_record, next_member
from pipeline.extract.grammar import ARC, HEADER_BYTES, WARC, Grammar
from pipeline.extract.gzip_members import Gzip
from pipeline.extract.records import Record, Span, agrees, frame
from pipeline.extract.stored import StoredFile
from pipeline.extract.zstd_frames import Zstd

__all__ = ["Capture", "Status", "WarcFile", "read_capture_at", "read_captures"]

Status = Literal["ok", "empty", "not_warc", "unreadable"]

_BLANK = b"\r\n\t "
_SHARED_LOOKBACK = 1 << 20
_REREAD = 64 << 20


class WarcFile:
    """One file, read once from start to end by iterating.

    Args:
        file: a seekable binary file at any position.
        name: for messages and to tell ARC by its ending; nothing is opened by it.
        max_bytes: longest page, as stored and with its encodings undone; a longer one is `too_large`.

    After the iteration:
        status: "ok" (records were found, damaged ones perhaps), "empty" (no bytes), "not_warc" (no record in it, and
            it does not look like one) or "unreadable" (it begins like one, and no record could be read).
        detail: a status other than "ok" in words, else "".
        records: captures with a record (the others are unreadable stretches).
        xxh3_128: digest of the file's bytes (32 hex digits).
    """

    def __init__(self, file: BinaryIO, *, name: str, max_bytes: int) -> None:
        self._file = StoredFile(file)
        self._max_bytes = max_bytes
        self.name = name
        self.status: Status = "ok"
        self.detail = ""
        self.records = 0
        self.xxh3_128 = ""
        self._looks_right = False
        self._reread = 0
        self._packing = self._which_packing()
        self._grammar = self._which_grammar()

    @property
    def size(self) -> int:
        """Bytes of the file as stored."""
        return self._file.size

    def __iter__(self) -> Iterator[Capture]:
        span: tuple[int, int] | None = None
        for item in self.read_from(0):
            if isinstance(item, tuple):
                span = (span[0] if span else item[0], item[1])
                continue
            if span is not None:
                yield _span(span)
                span = None
            self.records += item.type != ""
            yield item
        if span is not None and self.records:
            yield _span(span)
        self.xxh3_128 = self._file.digest()
        self._conclude()

    def read_from(self, offset: int) -> Iterator[Capture | tuple[int, int]]:
        """Captures from a stored offset on; begin and end of a stretch that holds none as a pair."""
        if self._packing is not None:
            return self._packed(offset, self._packing)
        return self._plain(offset)

    def shared_starts(self, offset: int) -> Iterator[int]:
        """Where a member that holds several records may begin, so that one of them is at `offset`; nearest first."""
        if self._packing is None:
            return
        begin = max(0, offset - _SHARED_LOOKBACK)
        before = self._file.peek(begin, offset - begin + len(self._packing.magic) - 1)
        found = before.rfind(self._packing.magic)
        while found >= 0:
            yield begin + found
            found = before.rfind(self._packing.magic, 0, found)

    def _head(self) -> bytes:
        return self._file.peek(0, 8192).lstrip(_BLANK)

    def _which_packing(self) -> Packing | None:
        head = self._file.peek(0, 8)
        if head.startswith(Gzip.magic):
            return Gzip()
        if head.startswith(Zstd.magic) or Zstd.skippable(self._file, 0):
            return Zstd(self._file)
        if WARC.begins(self._head(), 0) or ARC.begins(self._head(), 0):
            return None
        for packing in (Gzip(), Zstd(self._file)):  # the start is damaged: the rest decides
            if next_member(self._file, 0, packing, WARC) < self.size:
                return packing
        return None

    def _which_grammar(self) -> Grammar:
        head = self._head()
        if self._packing is not None and self._packing.is_member(self._file, 0):
            head = self._packing.start_of(self._file, 0, 64)
        return ARC if head.startswith(b"filedesc:") or self.name.endswith((".arc", ".arc.gz")) else WARC

    def _conclude(self) -> None:
        if self.records:
            return
        if not self.size:
            self.status, self.detail = "empty", "no bytes"
        elif self._looks_right:
            self.status, self.detail = "unreadable", "begins as a WARC or ARC file, but no record can be read"
        else:
            begin = self._file.peek(0, 16)
            self.status, self.detail = "not_warc", f"no WARC or ARC record in it; begins with {begin!r}"

    def _plain(self, offset: int) -> Iterator[Capture | tuple[int, int]]:
        stream = PlainFile(self._file, offset)
        self._looks_right = self._grammar.begins(self._head(), 0)
        for item in frame(stream, self._grammar, self._max_bytes + HEADER_BYTES):
            if isinstance(item, Span):
                yield item.begin, item.end
            else:
                yield judge(item, item.begin, item.end - item.begin, self._max_bytes)

    def _packed(self, offset: int, packing: Packing) -> Iterator[Capture | tuple[int, int]]:
        while offset < self.size:
            if not packing.is_member(self._file, offset):
                skipped = packing.skippable(self._file, offset) if isinstance(packing, Zstd) else 0
                end = offset + skipped if skipped else next_member(self._file, offset + 1, packing, self._grammar)
                # Some writers add line ends between members.
                if not skipped and self._file.peek(offset, min(end - offset, 64)).strip(_BLANK):
                    yield offset, end
                offset = end
                continue
            member = packing.open(self._file, offset)
            member.fill(self._grammar.lookahead)
            member.skip_blank()
            if member.at_end() and member.end is End.SOUND:
                offset = member.stored_end  # an empty member: padding
                continue
            member.fill(self._grammar.lookahead)
            if not self._grammar.begins(member.data, member.at):
                member.run_out()
                self._looks_right |= member.end is not End.SOUND and member.position == 0
                end = self._behind(member, packing)
                yield offset, end
            else:
                self._looks_right = True
                end = yield from self._member(member, packing)
            offset = end

    def _behind(self, member: Member, packing: Packing) -> int:
        """Where reading goes on after a member that was read to its end."""
        sound = member.end is End.SOUND
        if sound or (
            member.end is End.CHECKSUM and begins_record(self._file, member.stored_end, packing, self._grammar)
        ):
            return member.stored_end
        found = next_member(self._file, member.offset + 1, packing, self._grammar)
        # Members nested in one another, each broken at its end, would be read again and again.
        self._reread += max(0, member.stored_end - found)
        if self._reread > _REREAD + 4 * self.size:
            found = next_member(self._file, member.stored_end, packing, self._grammar)
        return found

    def _member(self, member: Member, packing: Packing) -> Generator[Capture | tuple[int, int], None, int]:
        """The captures of a member's records; returns where reading goes on."""
        offset, shared, behind = member.offset, None, 0
        for count, item in enumerate(frame(member, self._grammar, self._max_bytes + HEADER_BYTES)):
            if shared is None:
                last = item.last if isinstance(item, Record) else member.at_end()
                if last:
                    shared = member
                else:  # several records in one member: its length and its end must be known before the first is given
                    shared = packing.open(self._file, offset)
                    shared.run_out()
                behind = self._behind(shared, packing)
            if offset + count >= shared.stored_end:  # more records than stored bytes: no offsets are left for them
                return shared.stored_end
            if isinstance(item, Record):
                self._weigh(item, shared, behind)
                yield judge(item, offset + count, behind - offset, self._max_bytes)
            elif count == 0 and shared is member:
                yield offset, behind
            else:
                value = f"{item.end - item.begin} bytes without a record's header"
                yield unreadable(offset + count, behind - offset, value)
        if offset + count >= behind:  # members nested in a broken one that held several records
            behind = next_member(self._file, offset + count + 1, packing, self._grammar)
        return behind

    def _weigh(self, record: Record, member: Member, next_offset: int) -> None:
        """What the member's end says about a record in it."""
        if record.reason is not None:
            if record.reason == "corrupt" and record.last and next_offset < member.stored_end:
                # The decoder ran on into a sound member: this one was cut there, and nothing was altered.
                record.reason = "truncated"
            return
        if member.end is End.SOUND:
            return
        proof = agrees(record)
        if member.end is End.CUT and record.last and not proof:
            record.reason, record.value = "truncated", "the member is cut behind the content"
        elif member.end is End.BROKEN and (record.last or proof is False):
            record.reason, record.value = "corrupt", "the member is broken behind the content"
        elif member.end is End.CHECKSUM and (record.last or not proof):
            record.reason, record.value = "corrupt", "the member's checksum is another"


def read_captures(file: BinaryIO, *, name: str, max_bytes: int) -> Iterator[Capture]:
    """The captures of a file; for its status and digest iterate over a `WarcFile` instead."""
    return iter(WarcFile(file, name=name, max_bytes=max_bytes))


def read_capture_at(file: BinaryIO, offset: int, *, name: str = "", max_bytes: int = 1 << 30) -> Capture:
    """The one capture at an offset that a `Capture` of the same file named.

    Raises:
        ValueError: no record is there.
    """
    warc = WarcFile(file, name=name, max_bytes=max_bytes)
    for start in chain([offset], warc.shared_starts(offset)):
        for capture in islice(warc.read_from(start), offset - start + 1):
            if isinstance(capture, Capture) and capture.offset == offset:
                return capture
    raise ValueError(f"{name or 'file'}: no record at offset {offset}; take an offset that reading this file gave")


def _span(span: tuple[int, int]) -> Capture:
    return unreadable(span[0], span[1] - span[0], f"{span[1] - span[0]} bytes without a record's header")
