r"""Masking: e-mail addresses and public IP addresses become constants, outside formulas and code.

The replacements lie in the ranges reserved for documentation (RFC 2606, 5737, 3849), which are themselves left as they
are: masking a masked text changes nothing. Formulas (`$…$`, `$$…$$`) and code (fenced and between backticks) keep every
byte. A string that only looks like an address stays: `1.2.3.4` as a section or a version, `::` as an operator, private
and loopback addresses. Linear in the length of the text.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from heapq import merge
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

from pydantic import Field

from pipeline.frozen import Frozen

EMAIL, IPV4, IPV6 = "email@example.com", "192.0.2.1", "2001:db8::1"


class MaskSettings(Frozen):
    """What is masked in every text of the corpus."""

    emails: bool = False
    """Replace e-mail addresses by email@example.com; those at reserved names (example.com, .test, …) stay."""
    public_ips: bool = False
    """Replace IP addresses that are routed on the internet by 192.0.2.1 and 2001:db8::1."""


class Masked(Frozen):
    """How many addresses were replaced."""

    emails: int = Field(default=0, ge=0)
    public_ips: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All of them."""
        return self.emails + self.public_ips

    def __str__(self) -> str:
        return f"{self.emails:,} e-mail addresses, {self.public_ips:,} public IP addresses"

    def __add__(self, other: "Masked") -> "Masked":
        return Masked(emails=self.emails + other.emails, public_ips=self.public_ips + other.public_ips)


# What opens a stretch that is kept: a fence at the start of a line, backticks, dollars. A backslash takes the sign
# behind it along, so that an escaped dollar opens nothing.
_OPENING = re.compile(r"^[ >]*(?P<fence>`{3,})[^\n`]*$|(?P<ticks>`+)|(?P<dollars>\$\$?)|\\.", re.MULTILINE | re.DOTALL)
_CLOSING = {
    "$": re.compile(r"(?:[^$\\\n]++|\\.|\n(?![ \t]*\n))*+\$", re.DOTALL),  # not across a blank line
    "$$": re.compile(r"(?:[^$\\]++|\\.|\$(?!\$))*+\$\$", re.DOTALL),
}
_TICKS = re.compile(r"`+")

_LOCAL_CHARS = 64
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,10}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?![\w@]|-\w)")
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost)$", re.IGNORECASE)

_MAY_BE_IP = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.|:[0-9A-Fa-f]{0,4}:")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![\w.+-])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|[.+-]\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\w)")
_ROUTED = IPv6Network("2000::/3")  # all that is given out: RFC 4291, section 2.4
_NUMBERED = re.compile(
    r"(?:\b(?:v|ver|version|release|build|firmware|section|sections|sec|chapter|theorem|lemma|proposition|corollary|"
    r"definition|example|exercise|problem|figure|fig|table|remark|equation|eq|algorithm)\b\.?|§)[\s~]*[(\[]?$"
    r"|\w/$",
    re.IGNORECASE,
)
_NUMBERED_CHARS = 24
_HEADING = re.compile(r"[ \t]+[A-Z]")


def mask(text: str, settings: MaskSettings) -> tuple[str, Masked]:
    """The text with its addresses replaced, and how many were."""
    emails = public_ips = 0
    if settings.emails and "@" in text:
        text, emails = _replace(text, _emails)
    if settings.public_ips and _MAY_BE_IP.search(text):
        text, public_ips = _replace(text, _public_ips)
    return text, Masked(emails=emails, public_ips=public_ips)


def mask_all(texts: list[str], settings: MaskSettings) -> tuple[list[str], Masked]:
    """As `mask` for many texts, with the sum of the counts."""
    if not (settings.emails or settings.public_ips):
        return texts, Masked()
    results = [mask(text, settings) for text in texts]
    return [text for text, _ in results], sum((found for _, found in results), Masked())


_Finds = Callable[[str], Iterator[tuple[int, int, str]]]


def _replace(text: str, finds: _Finds) -> tuple[str, int]:
    """The text with what `finds` gives for its prose (begin, end, replacement; in order), and how often."""
    pieces: list[str] = []
    count = prose = 0
    for begin, end in [*_kept(text), (len(text), len(text))]:
        stretch, at = text[prose:begin], 0
        for first, last, replacement in finds(stretch):
            pieces += [stretch[at:first], replacement]
            at = last
            count += 1
        pieces += [stretch[at:], text[begin:end]]
        prose = end
    return "".join(pieces), count


def _kept(text: str) -> Iterator[tuple[int, int]]:
    """Formulas and code, delimiters included, in order."""
    runs: dict[str, list[int]] | None = None
    at = 0
    while match := _OPENING.search(text, at):
        at = match.end()
        if fence := match["fence"]:
            closing = re.compile(rf"^[ >]*`{{{len(fence)},}}[ \t]*$", re.MULTILINE).search(text, at)
            at = closing.end() if closing else len(text)
            yield match.start(), at
        elif ticks := match["ticks"]:
            if runs is None:
                runs = {}
                for run in _TICKS.finditer(text):
                    runs.setdefault(run[0], []).append(run.start())
            following = runs.get(ticks, [])
            index = bisect_left(following, at)
            if index < len(following) and text.find("\n", at, following[index]) < 0:
                at = following[index] + len(ticks)
                yield match.start(), at
        elif (dollars := match["dollars"]) and (closed := _CLOSING[dollars].match(text, at)):
            at = closed.end()
            yield match.start(), at


def _emails(prose: str) -> Iterator[tuple[int, int, str]]:
    end = 0
    at = prose.find("@")
    while at >= 0:
        begin = at
        while begin > max(end, at - _LOCAL_CHARS - 1) and (prose[begin - 1].isalnum() or prose[begin - 1] in "._%+-"):
            begin -= 1
        while begin < at and not prose[begin].isalnum():
            begin += 1
        domain = _DOMAIN.match(prose, at + 1)
        if domain and 0 < at - begin <= _LOCAL_CHARS and not _RESERVED.search(domain[0]):
            end = domain.end()
            yield begin, end, EMAIL
        at = prose.find("@", at + 1)


def _public_ips(prose: str) -> Iterator[tuple[int, int, str]]:
    fourth = ((*match.span(), IPV4) for match in _IPV4.finditer(prose) if _is_public_ipv4(prose, match))
    sixth = ((*match.span(), IPV6) for match in _IPV6.finditer(prose) if _is_public_ipv6(match[0]))
    return merge(fourth, sixth)


def _is_public_ipv4(prose: str, match: re.Match[str]) -> bool:
    address = IPv4Address(match[0])
    if not address.is_global or address.is_multicast:
        return False
    before = prose[max(0, match.start() - _NUMBERED_CHARS) : match.start()]
    if _NUMBERED.search(before):
        return False
    line = before.rpartition("\n")[2] if "\n" in before or match.start() <= _NUMBERED_CHARS else "…"
    return not (line.strip(" \t#>*") == "" and _HEADING.match(prose, match.end()))


def _is_public_ipv6(text: str) -> bool:
    try:
        address = IPv6Address(text)
    except AddressValueError:  # a time, a ratio, a hardware address
        return False
    return address in _ROUTED and address.is_global
