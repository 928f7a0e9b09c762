"""A corpus built with `shard.mask`: texts, counts and words about it."""

import pyarrow.parquet as pq

from support.crawl import build, lesson, write_warc


def test_a_masked_corpus_counts_what_it_replaced(tmp_path):
    contact = "<p>Questions about $x_1@y.org$ go to joe@site.org, from 8.8.8.8 or 10.0.0.1, or to ann@site.org.</p>"
    pages = [lesson("groups", 1), lesson("rings", 2).replace("</main>", f"{contact}</main>")]
    rows = [(f"00000000-0000-4000-8000-{n:012d}", f"https://m.test/{n}", page.encode()) for n, page in enumerate(pages)]
    write_warc(tmp_path / "0.warc.gz", rows)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: masked\ninputs: [0.warc.gz]\nfilter: {min_math_score: 0.0}\n"
        "shard: {mask: {emails: true, public_ips: true}}\n"
    )
    manifest = build(recipe, tmp_path / "out")
    assert manifest["masked"] == {"emails": 2, "public_ips": 1}
    texts = pq.read_table(tmp_path / "out" / manifest["shards"][0]["path"])["text"].to_pylist()
    assert len(texts) == 2
    line = "Questions about $x_1@y.org$ go to email@example.com, from 192.0.2.1 or 10.0.0.1, or to email@example.com."
    assert sum(line in text for text in texts) == 1
    words = "2 e-mail addresses, 1 public IP addresses"
    for name in ("README.md", "report.html"):
        assert words in (tmp_path / "out" / name).read_text()
