"""WARC records of the sample crawl: one gzip member each, with fixed dates and ids."""

import zlib
from dataclasses import dataclass, field
from io import BytesIO
from uuid import NAMESPACE_URL, uuid5

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

REASONS = {200: "OK", 301: "Moved Permanently", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


@dataclass(frozen=True)
class Page:
    """One response of the crawl with what is known about it.

    `fate` says what a reader meets: `page`, or the obstacle (`http_status`, `content_type`, `truncated`, `corrupt`).
    Pages of one `cluster` are meant to be merged; pages of one `series` look alike and differ in their numbers.
    """

    url: str
    body: bytes
    kind: str
    encoding: str = "none"
    language: str = "en"
    math: bool = False
    cluster: str | None = None
    series: str | None = None
    formulas: tuple[tuple[str, bool], ...] = ()
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    fate: str = "page"
    damage: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    record_id: str | None = None


def record_id(key: str) -> str:
    """A record id that depends on `key` alone."""
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, key)}>"


@dataclass
class WarcFile:
    """One WARC file in memory; records are appended in order. `number` is its place in the crawl."""

    number: int
    out: BytesIO = field(default_factory=BytesIO)
    count: int = 0

    def date(self) -> str:
        """The time of the next record: one record every few seconds from a fixed morning on."""
        minutes, second = divmod(self.count * 7, 60)
        hour, minute = divmod(minutes + 360, 60)
        return f"2024-03-{11 + self.number:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"

    def add(self, kind: str, url: str, payload: bytes, http: StatusAndHeaders | None = None, **headers: str) -> bytes:
        """Append a record and return its bytes before compression."""
        fixed = {"WARC-Date": self.date()}
        fixed |= {name.replace("_", "-"): value for name, value in headers.items()}
        fixed.setdefault("WARC-Record-ID", record_id(f"{self.number}/{self.count}/{kind}/{url}"))
        plain = BytesIO()
        writer = WARCWriter(plain, gzip=False, warc_version="1.0")
        content_type = {"warcinfo": "application/warc-fields", "metadata": "application/warc-fields"}.get(kind, "")
        record = writer.create_warc_record(
            url, kind, BytesIO(payload), len(payload), content_type, fixed, http_headers=http
        )
        writer.write_record(record)
        self.count += 1
        return plain.getvalue()

    def keep(self, record: bytes, cut: bool = False) -> None:
        """Compress `record` into a gzip member of its own; `cut` loses the second half of the member."""
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS + 16)
        member = packer.compress(record) + packer.flush()
        self.out.write(member[: len(member) // 2] if cut else member)

    def warcinfo(self) -> None:
        """The record that opens a file."""
        lines = ["software: mathmill sample crawl", "format: WARC File Format 1.0", "robots: obey"]
        lines += ["description: pages written for tests and for a first run; no page of a real site"]
        self.keep(
            self.add(
                "warcinfo", "", "\r\n".join([*lines, ""]).encode(), WARC_Filename=f"crawl-{self.number:02d}.warc.gz"
            )
        )

    def response(self, page: Page) -> None:
        """The response record of `page`, damaged as the page asks."""
        length = str(len(page.body) + 512) if page.damage == "http-length" else str(len(page.body))
        fields = [("Server", "nginx"), ("Content-Type", page.content_type), *page.headers, ("Content-Length", length)]
        if not page.content_type:
            fields = [item for item in fields if item[0] != "Content-Type"]
        http = StatusAndHeaders(f"{page.status} {REASONS[page.status]}", fields, protocol="HTTP/1.1")
        extra = {"WARC_Record_ID": page.record_id} if page.record_id else {}
        if page.damage == "truncated":
            extra["WARC_Truncated"] = "length"
        record = self.add("response", page.url, page.body, http, **extra)
        if page.damage == "warc-length":
            record = _lying(record, 4096)
        self.keep(record, cut=page.damage == "cut")

    def request(self, page: Page) -> None:
        """The request that asked for `page`."""
        _, _, host, path = page.url.split("/", 3)
        fields = [("Host", host), ("User-Agent", "mathmill-sample/1.0"), ("Accept", "text/html")]
        http = StatusAndHeaders(f"GET /{path} HTTP/1.1", fields, is_http_request=True)
        self.keep(self.add("request", page.url, b"", http))

    def metadata(self, page: Page) -> None:
        """A metadata record beside `page`."""
        self.keep(self.add("metadata", page.url, b"fetchTimeMs: 83\r\ncharset-detected: UTF-8\r\n"))

    def revisit(self, page: Page) -> None:
        """A later visit that found `page` unchanged."""
        http = StatusAndHeaders("304 Not Modified", [("Server", "nginx")], protocol="HTTP/1.1")
        profile = "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
        record = self.add("revisit", page.url, b"", http, WARC_Profile=profile, WARC_Refers_To_Target_URI=page.url)
        self.keep(record)


def _lying(record: bytes, surplus: int) -> bytes:
    """`record` with a WARC Content-Length that promises `surplus` bytes too many."""
    head, end, rest = record.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for index, line in enumerate(lines):
        if line.startswith(b"Content-Length: "):
            lines[index] = b"Content-Length: %d" % (int(line[16:]) + surplus)
    return b"\r\n".join(lines) + end + rest
