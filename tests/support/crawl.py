"""A small crawl that the build tests share, and ways to run the real command on it."""

import io
import os
import subprocess
import sys
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.files import read_json

TOPICS = ("groups", "rings", "fields", "limits", "series", "matrices", "graphs", "primes", "circles", "integrals")


def lesson(topic: str, number: int) -> str:
    """A page of mathematics, each pair of topic and number with sentences of its own."""
    steps = "".join(
        f"<p>Step {step} about {topic}: let $x_{{{step}}} = {number * 7 + step}$ and compute $x_{{{step}}}^2 + {step} "
        f"= {(number * 7 + step) ** 2 + step}$, which proves claim {number}.{step} for {topic}.</p>"
        for step in range(1, 9)
    )
    return (
        f"<html><head><title>Lesson {number} on {topic}</title></head><body><nav><a href='/'>Home</a></nav><main>"
        f"<h1>Lesson {number} on {topic}</h1><p>In this lesson we study the theorem on {topic} and prove it by "
        f"induction on n. Recall the definition, then solve the equation.</p>{steps}</main></body></html>"
    )


def write_warc(path: Path, pages: list[tuple[str, str, bytes]]) -> None:
    """A gzip WARC of (record id as UUID, URL, HTML) responses, with a warcinfo record before them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        info = writer.create_warcinfo_record(path.name, {"software": "tests"})
        info.rec_headers.replace_header("WARC-Date", "2024-05-01T00:00:00Z")
        info.rec_headers.replace_header("WARC-Record-ID", f"<urn:uuid:00000000-0000-4000-8000-{len(pages):012d}>")
        writer.write_record(info)
        for uuid, url, html in pages:
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            record_headers = {"WARC-Date": "2024-05-01T00:00:00Z", "WARC-Record-ID": f"<urn:uuid:{uuid}>"}
            writer.write_record(
                writer.create_warc_record(
                    url, "response", payload=io.BytesIO(html), http_headers=headers, warc_headers_dict=record_headers
                )
            )


def crawl_file(path: Path, file_number: int, pages: int = 12) -> None:
    """One WARC of lessons; every sixth page repeats one of another file under its own URL."""
    rows = []
    for page in range(pages):
        topic = TOPICS[(file_number + page) % len(TOPICS)]
        number = page if page % 6 == 5 else file_number * 100 + page
        html = lesson(topic if page % 6 != 5 else "duplicates", number).encode()
        rows.append((f"00000000-0000-4000-8{file_number:03d}-{page:012d}", f"https://m{file_number}.test/{page}", html))
    write_warc(path, rows)


def command(*arguments: str | Path) -> list[str]:
    """The mathmill command with this interpreter."""
    return [sys.executable, "-m", "mathmill", *map(str, arguments)]


def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run mathmill to its end."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, check=False, **options)  # type: ignore[call-overload,no-any-return]


def build(recipe: Path, out: Path, tasks: int = 1, *more: str) -> dict[str, object]:
    """Build and return the manifest without its time."""
    result = run("build", recipe, "--out", out, "--tasks", str(tasks), "--quiet", *more)
    assert result.returncode == 0, result.stderr
    return manifest_of(out)


def manifest_of(out: Path) -> dict[str, object]:
    """The manifest, without its time."""
    manifest: dict[str, object] = read_json(out / "manifest.json")
    manifest.pop("created")
    return manifest
