"""Crawl to corpus: WARC files in, Parquet shards with a manifest and a report out."""
