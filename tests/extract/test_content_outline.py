"""The flat page: what is in it, in which order, and what is left out of it."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.content_outline import Outline, outline, words
from pipeline.extract.limits import LimitExceeded, Limits


def flat(html: str, **limits: int) -> Outline:
    return outline(LexborHTMLParser(html), Limits(**limits))


def shape(page: Outline) -> list[tuple[str, int, int, str]]:
    return list(zip(page.tags, page.parents, page.ends, page.texts, strict=True))


def test_entries_stand_in_document_order_with_their_slices() -> None:
    assert shape(flat("<div><p>a <b>b</b></p></div><hr>")) == [
        ("body", 0, 7, ""),
        ("div", 0, 6, ""),
        ("p", 1, 6, ""),
        ("-text", 2, 4, "a "),
        ("b", 2, 6, ""),
        ("-text", 4, 6, "b"),
        ("hr", 0, 7, ""),
    ]


def test_white_space_stays_beside_inline_elements_and_in_preformatted_text_only() -> None:
    texts = [text for text in flat("<p> <b>a</b> <i>b</i> </p> <p>c</p> <pre> <b>d</b>\n\n</pre> ").texts if text]
    assert texts == ["a", " ", "b", " ", "c", " ", "d", "\n\n"]


def test_what_no_reader_sees_is_not_there() -> None:
    page = flat("<p>a<script>s</script><style>t</style><svg><text>u</text></svg><!-- c --><template>v</template></p>")
    assert page.tags == ["body", "p", "-text"]


def test_unknown_elements_are_blocks_if_they_hold_one() -> None:
    page = flat("<x-card><x-word>a</x-word><p>b</p></x-card><x-empty></x-empty>")
    assert page.tags == ["body", "div", "span", "-text", "p", "-text", "span"]


def test_attributes_are_kept() -> None:
    page = flat("<p class='a b' hidden>x")
    assert page.attributes[1] == {"class": "a b", "hidden": None}
    assert page.attributes[2] == {}


def test_closed_elements_stand_without_what_is_in_them() -> None:
    page = outline(LexborHTMLParser("<nav><p>a</p></nav><p>b</p>"), Limits(), words("nav"))
    assert page.tags == ["body", "nav", "p", "-text"]
    assert page.ends == [4, 2, 4, 4]


def test_a_page_without_body_is_empty() -> None:
    assert len(flat("<frameset><frame></frameset>")) == 0


@pytest.mark.parametrize(("limits", "reason"), [({"depth": 3}, "too_deep"), ({"nodes": 5}, "too_many_nodes")])
def test_limits(limits: dict[str, int], reason: str) -> None:
    html = "<div><div><div><p>a</p><p>b</p></div></div></div>"
    with pytest.raises(LimitExceeded) as caught:
        flat(html, **limits)
    assert caught.value.reason == reason
    assert len(flat(html, depth=5, nodes=9)) == 8
