"""Masking: exact texts, and that formulas and code keep every byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shard.mask import EMAIL, IPV4, IPV6, Masked, MaskSettings, mask

BOTH = MaskSettings(emails=True, public_ips=True)


@pytest.mark.parametrize(
    ("text", "expected", "emails", "ips"),
    [
        ("Mail joe.smith+math@cs.uni-x.edu.", f"Mail {EMAIL}.", 1, 0),
        ("<mailto:joe@site.org>, (ann_b@site.co.uk)", f"<mailto:{EMAIL}>, ({EMAIL})", 2, 0),
        ("müller@bücher.de and x@xn--bcher-kva.ch", f"{EMAIL} and {EMAIL}", 2, 0),
        (
            "ping 8.8.8.8, http://1.1.1.1:8080/a and 9.9.9.9/32.",
            f"ping {IPV4}, http://{IPV4}:8080/a and {IPV4}/32.",
            0,
            3,
        ),
        ("[2a00:1450:4001:81c::200e]:443", f"[{IPV6}]:443", 0, 1),
        ("root@8.8.4.4 wrote to a@b.org", f"root@{IPV4} wrote to {EMAIL}", 1, 1),
        ("8.8.8.8\n9.9.9.9\n", f"{IPV4}\n{IPV4}\n", 0, 2),
        ("Costs \\$5, mail a@b.org, or \\$10", f"Costs \\$5, mail {EMAIL}, or \\$10", 1, 0),
        ("A stray ` tick, a@b.org\nand another ` here", f"A stray ` tick, {EMAIL}\nand another ` here", 1, 0),
        ("An open $$ sign and a@b.org", f"An open $$ sign and {EMAIL}", 1, 0),
        ("Open $x here\n\nand a@b.org, $5", f"Open $x here\n\nand {EMAIL}, $5", 1, 0),
    ],
)
def test_addresses_become_constants(text, expected, emails, ips):
    assert mask(text, BOTH) == (expected, Masked(emails=emails, public_ips=ips))


@pytest.mark.parametrize(
    "text",
    [
        "a@b, @name, joe@host, x @ y, user@example.com, user@sub.example.org, root@host.test",
        "10.0.0.1 172.16.3.4 192.168.1.1 127.0.0.1 169.254.1.1 0.0.0.0 255.255.255.255 224.0.0.5",
        "192.0.2.77 198.51.100.3 203.0.113.9 2001:db8::42 ::1 fe80::1 fd00::12",
        "version 1.2.3.4, v8.8.8.8, Chrome/91.0.44.124, release 4.3.2.1, 1.2.3.4-beta, 1.2.3.4.5, 1.2.3, 1.2.3.400",
        "Section 1.2.3.4 and Theorem 2.3.4.5 and (Lemma 1.1.1.1), §1.2.3.4",
        "## 1.2.3.4 Definitions\n1.2.3.5 More of them\n",
        "12:30:45 and 1:2:3 and 00:1A:2B:3C:4D:5E and std::cout and a::b and dead::beef",
        "$x@y.org$ and $$8.8.8.8\n= a@b.org$$ and `a@b.org` and ``x ` a@b.org``",
        "```python\nsend('a@b.org', '8.8.8.8')\n```",
        "````\n```\na@b.org\n```\n````",
        "```\nnever closed a@b.org",
    ],
)
def test_what_is_no_public_address_stays(text):
    assert mask(text, BOTH) == (text, Masked())


def test_each_kind_by_itself():
    text = "a@b.org at 8.8.8.8"
    assert mask(text, MaskSettings()) == (text, Masked())
    assert mask(text, MaskSettings(emails=True)) == (f"{EMAIL} at 8.8.8.8", Masked(emails=1))
    assert mask(text, MaskSettings(public_ips=True)) == (f"a@b.org at {IPV4}", Masked(public_ips=1))


PROSE = st.lists(
    st.sampled_from(["joe@site.org", "8.8.8.8", "2a00:1450::1", "word", "\\$5", "10.0.0.1", ".", "\n\n", "v1.2.3.4"]),
    max_size=8,
).map(" ".join)
INNER = st.text("ab@.8:\\ {}^_", min_size=1, max_size=20).filter(lambda s: not s.endswith("\\"))
KEPT = st.one_of(
    INNER.map(lambda s: f"$a@b.org{s}$"),
    INNER.map(lambda s: f"$$8.8.8.8{s}$$"),
    INNER.map(lambda s: f"`a@b.org{s}`"),
    INNER.map(lambda s: f"\n\n```text\nx a@b.org 8.8.8.8{s}\n```\n\n"),
)


@given(st.lists(st.tuples(PROSE, KEPT), max_size=5), PROSE)
def test_formulas_and_code_keep_every_byte(pairs, last):
    text = " ".join(f"{prose} {kept}" for prose, kept in pairs) + f" {last}"
    masked, found = mask(text, BOTH)
    expected = " ".join(f"{mask(prose, BOTH)[0]} {kept}" for prose, kept in pairs) + f" {mask(last, BOTH)[0]}"
    assert masked == expected
    assert mask(masked, BOTH) == (masked, Masked())
    assert found.total == text.count("joe@site.org") + sum(
        p.count("8.8.8.8") for p in [*(p for p, _ in pairs), last]
    ) + (text.count("2a00:1450::1"))


@given(st.text("ab1@.$`\\:\n 8~", max_size=200))
def test_masking_twice_is_masking_once(text):
    masked, _ = mask(text, BOTH)
    assert mask(masked, BOTH) == (masked, Masked())


@pytest.mark.parametrize(
    "piece", ["a@", "$", "$$ ", "` `` ", "a.", "1.1.", "1:", "\\", "```\n", "a@b.", "a" * 50, "8.8.8.8 ", " \n", "$\n"]
)
def test_hostile_texts_take_linear_time(piece):
    text = piece * (200_000 // len(piece)) + " a@b.org"  # the square of its length would take hours
    assert mask(text, BOTH)[1].total < len(text)
