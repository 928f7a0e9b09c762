"""What is content: names, states, links, descent, series."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from pipeline.extract.content import choose
from pipeline.extract.content_hints import hidden, is_note, named, names_of, series_names
from pipeline.extract.content_outline import Outline, outline
from pipeline.extract.content_weight import Weights
from pipeline.extract.limits import Limits

PROSE = "This sentence is long enough to be running text, as it has no links and says a thing or two in its own words. "
MORE = "Another one of the same kind stands here, so that the two of them together hold what the page is about at all. "


def flat(html: str) -> Outline:
    return outline(LexborHTMLParser(html), Limits())


def kept(html: str) -> str:
    """The text that is chosen, white space collapsed."""
    page = flat(html)
    choice = choose(page)
    if choice is None:
        return ""
    pieces, i = [], choice.root
    while i < page.ends[choice.root]:
        if i in choice.left_out:
            i = page.ends[i]
            continue
        pieces.append(page.texts[i])
        i += 1
    return " ".join(" ".join(pieces).split())


def reasons(html: str) -> list[str]:
    choice = choose(flat(html))
    return sorted(choice.left_out.values()) if choice else []


@pytest.mark.parametrize(
    "names",
    [
        "sidebar",
        "main-nav",
        "postSidebar",
        "article__share-buttons",
        "entry-meta",
        "relatedPosts",
        "sr-only",
        "ad-slot ads",
        "post-signature",
        "message-user",
        "post_author",
    ],
)
def test_names_of_boilerplate(names: str) -> None:
    assert named(names) == "boilerplate"


@pytest.mark.parametrize(
    "names",
    [
        "content-sidebar-wrap",
        "has-sidebar",
        "shared",
        "navy",
        "gradient",
        "readings",
        "relation",
        "sig sig-object py",
        "doc-signature",
    ],
)
def test_names_that_only_look_like_it(names: str) -> None:
    assert named(names) == ""


def test_other_kinds_of_names() -> None:
    assert named("cookie-consent") == named("legal-disclaimer") == "notice"
    assert named("comments-area") == "comments"


def test_long_ids_are_slugs_and_no_names() -> None:
    assert names_of({"id": "sharing-a-secret-with-friends", "class": "x"}) == "x"
    assert names_of({"id": "share", "class": None}) == " share"
    assert names_of({"id": "flask.Blueprint.register"}) == ""


def test_members_of_a_series() -> None:
    assert series_names("post-12 post even") == {"post-12", "post"}
    assert series_names("answer accepted") == series_names("question") == {"turn"}
    assert series_names("row wide") == frozenset()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"hidden": None}, True),
        ({"aria-hidden": "true"}, True),
        ({"style": "color: red; display : none"}, True),
        ({"style": "DISPLAY:NONE", "class": "accordion-panel"}, False),
        ({"hidden": None, "role": "tabpanel"}, False),
        ({"style": "display:none", "class": "callout-content"}, False),
        ({"style": "display:none", "class": "proof"}, False),
        ({"aria-hidden": "false"}, False),
        ({"style": "display:block"}, False),
        ({}, False),
    ],
)
def test_hidden(attributes: dict[str, str | None], expected: bool) -> None:
    assert hidden(attributes) is expected


def test_notes_in_asides() -> None:
    assert is_note({"class": "admonition tip"})
    assert is_note({"role": "note"})
    assert not is_note({"class": "right"})


def test_navigation_and_what_is_named_as_something_else_is_left_out() -> None:
    html = f"""<nav><a href=/>Home</a></nav><div><p>{PROSE}</p><div class=share>Tell all</div><p>{MORE}</p>
    <aside>Elsewhere</aside><aside class=note>Mind this.</aside></div><footer>End</footer>"""
    assert kept(html) == f"{PROSE}{MORE}Mind this."
    assert reasons(html) == ["<aside>", "<footer>", "<nav>", "boilerplate"]


def test_a_name_does_not_hold_against_most_of_the_text() -> None:
    assert kept(f"<div class=sidebar><p>{PROSE}</p><p>{MORE}</p></div><p>Short.</p>").startswith(PROSE.strip())


def test_nor_against_parts_of_one_class_that_hold_most_of_it() -> None:
    cards = "".join(f"<div class=modal><p>{PROSE}{n}</p></div>" for n in range(4))
    assert all(f"words. {n}" in kept(f"<div>{cards}</div><p>Short.</p>") for n in range(4))


def test_an_id_that_repeats_its_heading_is_no_name() -> None:
    section = f"<section id=related-rates><h2>Related rates</h2><p>{PROSE}</p></section>"
    assert kept(f"<p>{MORE}</p><p>{MORE}</p><p>{MORE}</p>{section}").endswith(PROSE.strip())


def test_hidden_text_is_left_out_and_collapsed_text_is_not() -> None:
    html = f"<p>{PROSE}</p><p hidden>a</p><div class=accordion-panel style='display:none'>b</div><details>c</details>"
    assert kept(html) == f"{PROSE}b c"


def test_a_form_to_fill_in_is_left_out_and_a_form_around_the_page_is_not() -> None:
    assert kept(f"<form><p>{PROSE}</p><p>{MORE}</p></form>") == f"{PROSE}{MORE}".strip()
    assert kept(f"<p>{PROSE}</p><form><label>Your name</label></form>") == PROSE.strip()


def test_short_posts_in_forms_stay_where_long_ones_do() -> None:
    html = f"<form class=entry><p>{PROSE}</p></form><form class=entry>Short.</form><form class=reply>Your name</form>"
    assert kept(f"<div>{html}<p>{MORE}</p></div>") == f"{PROSE}Short. {MORE}".strip()


def test_comments_that_only_a_consent_text_outweighs_stay() -> None:
    consent = f"<div class=cookie-consent>{f'<p>{PROSE}{MORE}</p>' * 4}</div>"
    html = f"<p>In: Hardware</p><div class=comments><p>{PROSE}{MORE}</p><p>{PROSE}{MORE}</p></div>"
    assert kept(f"<body><div>{html}</div>{consent}") == f"{PROSE}{MORE}{PROSE}{MORE}".strip()


def test_a_part_with_code_or_a_quotation_is_content_whatever_its_name() -> None:
    html = "<div class=dropdown><pre>f(1)</pre></div><div class=social><blockquote>Said.</blockquote></div>"
    assert kept(f"<p>{PROSE}</p>{html}<div class=dropdown>Choose</div>") == f"{PROSE}f(1) Said."


def test_a_button_is_left_out_unless_it_is_a_heading() -> None:
    html = "<button>Save</button><h3><button>Part one</button></h3><button class=accordion-button>Part two</button>"
    assert kept(f"<p>{PROSE}</p>{html}<pre>x = 1<button>Copy</button></pre>") == f"{PROSE}Part one Part two x = 1"


def test_definitions_of_functions_and_headings_stay_whatever_their_ids() -> None:
    html = f"<dl><dt class='sig register'>register(f)</dt><dd>{MORE}</dd></dl><h4 id=related>Related</h4>"
    assert kept(f"<p>{PROSE}</p>{html}<p>{PROSE}</p>") == f"{PROSE}register(f) {MORE}Related {PROSE}".strip()


def test_what_a_reader_may_do_with_each_post_is_left_out() -> None:
    post = f"<div class=post><p>{PROSE}{MORE}</p><ul><li><a href=/r>Reply</a><li><a href=/t>Top</a></ul></div>"
    assert kept(f"<div>{post * 4}</div>") == f"{PROSE}{MORE}" * 3 + f"{PROSE}{MORE}".strip()
    types = "<dl><dt>f</dt><dd><p><a href=/r>Result</a></p></dd></dl>"
    assert kept(f"<div>{f'<p>{PROSE}{MORE}</p>{types}' * 4}</div>").count("Result") == 4


def test_numbers_of_posts_are_left_out() -> None:
    assert kept(f"<p><a href='?p=7#7'>#7</a></p><p>{PROSE}</p><p>See <a href=/x>#7</a>.</p>") == f"{PROSE}See #7 ."


def test_the_choice_descends_to_what_holds_nearly_all() -> None:
    html = f"<div><div>Teaser of something else</div><div id=c><p>{PROSE}</p><p>{MORE}</p></div><div>Tail</div></div>"
    assert kept(html) == f"{PROSE}{MORE}".strip()


def test_an_introduction_beside_it_is_not_lost() -> None:
    html = f"<div><p>{MORE}</p><div>{''.join(f'<p>{PROSE}</p>' for _ in range(5))}</div></div>"
    assert kept(html).startswith(MORE)


def test_one_post_of_a_thread_is_not_taken_for_the_thread() -> None:
    long = f"<p>{PROSE}</p>" * 9
    html = f"<div><div class=post>{long}</div><div class=post><p>I see, thank you.</p></div></div>"
    assert kept(html).endswith("I see, thank you.")


def test_question_and_answers_belong_together() -> None:
    answers = f"<div id=answers><div class=answer><p>{PROSE}</p><p>{MORE}</p></div></div>"
    assert "Why?" in kept(f"<div><div id=question>Why? I wonder.</div>{answers}</div>")


def test_the_one_main_is_where_the_descent_starts() -> None:
    html = f"<div><p>{MORE}</p></div><main><p>{PROSE}</p></main>"
    assert kept(html) == PROSE.strip()
    assert kept(f"<main><p>{PROSE}</p></main><main><p>{MORE}</p></main>") == f"{PROSE}{MORE}".strip()


def test_lists_of_links_go_where_there_is_prose_and_stay_where_there_is_none() -> None:
    links = "<ul><li><a href=/1>One</a></li><li><a href=/2>Two</a></li><li><a href=/3>Three</a></li></ul>"
    assert kept(f"<div>{f'<p>{PROSE}{MORE}</p>' * 5}{links}</div>").endswith(MORE.strip())
    assert kept(f"<h1>Pages</h1>{links}") == "Pages One Two Three"


def test_marks_beside_headings_are_left_out() -> None:
    assert kept(f"<h2>Title <a href='#t'>¶</a></h2><p>{PROSE}</p>") == f"Title {PROSE}".strip()


def test_line_numbers_are_left_out_of_code_and_its_names_mean_nothing_else() -> None:
    html = f"<p>{PROSE}</p><pre><span class=lineno>1</span><span class=nav>nav</span></pre>"
    assert kept(html).endswith("nav")
    assert reasons(html) == ["line numbers"]


def test_later_posts_are_told_apart() -> None:
    page = flat(
        "<div class=post>One post here.</div><div class=post>Two.</div><div>Other</div><div class=post>Three.</div>"
    )
    choice = choose(page)
    assert choice is not None
    assert [(page.texts[i + 1], later) for i, later in choice.posts.items()] == [
        ("One post here.", False),
        ("Two.", True),
        ("Three.", True),
    ]


def test_a_page_without_text_has_no_content() -> None:
    assert choose(flat("<div><img src=x></div>")) is None


def test_weights() -> None:
    page = flat("<div><p>0123456789 0123456789</p><p><a href=/x>0123456789</a></p>ab\ue000\ue001</div>")
    weights = Weights(page)
    assert weights.text(0) == 21 + 10 + (2 + 6 + 20)
    assert weights.linked(0) == 10
    assert weights.plain(0) == 21 + 2 + 28
    assert weights.links(0) == 1
    assert weights.running(0) == 11 * 11 // 111 + 18 * 18 // 118
    weights.leave_out([2])
    assert weights.text(0) == 10 + 28
    assert weights.text(2) == 0


LINKS = "".join(f"<li><a href=/{n}>Page {n}</a></li>" for n in range(4))


def test_a_heading_goes_with_the_list_of_links_that_is_all_below_it() -> None:
    prose = f"<p>{PROSE}{MORE}</p>" * 5
    assert kept(f"<div>{prose}<h3>See too</h3><ul>{LINKS}</ul></div>").endswith(MORE.strip())
    assert kept(f"<div>{prose}<h3>See too</h3><ul>{LINKS}</ul><h3>Next</h3><p>{MORE}</p></div>").count("See too") == 0
    assert "See too" in kept(f"<div>{prose}<h3>See too</h3><ul>{LINKS}</ul><p>{MORE}</p></div>")


def test_lists_of_links_to_several_sites_and_numbered_ones_are_references() -> None:
    prose = f"<p>{PROSE}{MORE}</p>" * 5
    sites = "".join(f"<li><a href=https://www.site{n}.org/x>Problem {n}</a></li>" for n in range(4))
    assert kept(f"<div>{prose}<ul>{sites}</ul></div>").endswith("Problem 3")
    assert kept(f"<div>{prose}<ol>{LINKS}</ol></div>").endswith("Page 3")


def test_sections_with_headings_belong_together() -> None:
    long = f"<section><h2>One</h2>{f'<p>{PROSE}{MORE}</p>' * 8}</section>"
    assert kept(f"<div>{long}<section><h2>Two</h2><p>{PROSE}{MORE}</p></section></div>").startswith("One")
    assert kept(f"<div>{long}<section><p>{PROSE}</p></section></div>").endswith(MORE.strip())


def test_words_of_a_sentence_stay_whatever_their_names() -> None:
    link = "<a class=popup href=/x>biography</a>"
    assert kept(f"<p>{PROSE}A {link} of him. {MORE}</p>") == f"{PROSE}A biography of him. {MORE}".strip()
    assert kept(f"<p>{PROSE}</p><p>{link}</p>") == PROSE.strip()


def test_a_form_with_a_field_to_write_in_is_left_out_whatever_it_says() -> None:
    form = f"<form><p>{PROSE}</p><textarea></textarea></form>"
    assert kept(f"<div><p>{PROSE}{MORE}</p><p>{MORE}</p>{form}</div>") == f"{PROSE}{MORE}{MORE}".strip()
    assert kept(f"<div><p>{MORE}{MORE}</p><form><p>{PROSE}</p></form><textarea></textarea></div>").endswith(PROSE[:-1])


def test_a_column_of_line_numbers_beside_code_is_left_out() -> None:
    html = "<table><tr><td class=linenos><pre>1\n2</pre><td class=code><pre>a\nb</pre></table>"
    assert kept(f"<p>{PROSE}</p>{html}") == f"{PROSE}a b"
    assert kept(f"<p>{PROSE}</p><div class=gutter>Part 1</div>") == f"{PROSE}Part 1"


def test_the_head_of_a_text_stays_and_that_of_a_site_goes() -> None:
    body = f"<p>{PROSE * 4}</p>"
    abstract = f"<h1>Title</h1><div class=abstract><p>{MORE * 2}</p></div>"
    assert "Another one" in kept(f"<header>{abstract}</header><h2>Part</h2>{body}")
    assert "Another one" not in kept(f"<header>{abstract}<a href=/>Home</a></header><h2>Part</h2>{body}")


def test_footnotes_behind_the_content_are_noted() -> None:
    page = flat(f"<div><div><p>{PROSE * 4}</p></div></div><div class=footnotes><p>1. Not so.</p></div><div>x</div>")
    choice = choose(page)
    assert choice is not None
    assert [page.attributes[i].get("class") for i in choice.notes] == ["footnotes"]


def test_a_theorem_stays_with_its_proof() -> None:
    parts = f"<div class=env-lemma><p>Short.</p></div><div class=env-proof><p>{PROSE * 6}</p></div>"
    assert kept(f"<div>{parts}</div>").startswith("Short.")
    assert not kept(f"<div>{parts.replace('env-lemma', 'box')}</div>").startswith("Short.")


def test_ways_back_from_notes_are_left_out() -> None:
    notes = "<ol><li>One. <a href='#r1'>↩</a></li><li>Two. <a href='#r2'>\u200b</a></li></ol>"
    assert kept(f"<p>{PROSE}</p>{notes}").endswith("One. Two.")
