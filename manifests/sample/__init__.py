"""A sample crawl written by this project: small WARC files for `make demo` and for tests, and the program for them."""
