import pytest

import manifests
from pipeline.errors import BadInput
from pipeline.recipe import find_recipe, load_recipe

GOOD = "name: x\ninputs: [a.warc.gz]\n"


def recipe(tmp_path, text, *overrides):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return load_recipe(path, overrides).recipe


def refusal(tmp_path, text, *overrides):
    with pytest.raises(BadInput) as caught:
        recipe(tmp_path, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_plain_recipe_has_defaults(tmp_path):
    loaded = recipe(tmp_path, GOOD)
    assert loaded.inputs[0].path == "a.warc.gz"
    assert loaded.filter.languages == ("en",)
    assert (loaded.dedup.bands, loaded.dedup.rows) == (11, 10)


def test_overrides_are_yaml_values_at_dotted_names(tmp_path):
    loaded = recipe(tmp_path, GOOD, "filter.min_math_score=0.25", "filter.languages=[en, fr]", "crawl=CC-MAIN-2024-46")
    assert loaded.filter.min_math_score == 0.25
    assert loaded.filter.languages == ("en", "fr")
    assert loaded.crawl == "CC-MAIN-2024-46"


def test_an_exponent_needs_no_dot(tmp_path):
    assert recipe(tmp_path, GOOD + "filter: {min_math_score: 25e-2}\n").filter.min_math_score == 0.25
    assert recipe(tmp_path, GOOD, "filter.min_math_score=1e-6").filter.min_math_score == 1e-6
    assert recipe(tmp_path, GOOD, "crawl='1e-6'").crawl == "1e-6"


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        (GOOD + "filter: {min_mat_score: 0.5}\n", (), "min_mat_score: 0.5: unknown key; did you mean min_math_score"),
        (GOOD + "colour: red\n", (), 'colour: "red": unknown key; known keys: crawl, dedup'),
        (GOOD + "filter: {min_math_score: high}\n", (), 'min_math_score: "high": input should be a valid number'),
        (GOOD + "filter: {min_math_score: 1.5}\n", (), "min_math_score: 1.5: input should be less than or equal"),
        (GOOD + "filter: {min_chars: '100'}\n", (), 'filter.min_chars: "100": input should be a valid integer'),
        (GOOD + "filter: {min_chars: 9, max_chars: 8}\n", (), "filter: min_chars 9 is above max_chars 8; swap"),
        (GOOD + "filter: 3\n", (), "filter: 3: input should be an object"),
        ("name: x\n", (), "inputs: missing; add it"),
        ("name: x\ninputs: []\n", (), "inputs: []: tuple should have at least 1 item"),
        ("name: a b\ninputs: [c]\n", (), 'name: "a b": string should match pattern'),
        ("[1, 2]\n", (), "holds list, not a mapping"),
        ("name: [\n", (), "not YAML"),
        (GOOD, ("filter",), "--set filter: not of the form key=value or section.key=value"),
        (GOOD, ("name.x=1",), "--set name.x=1: name in"),
        (GOOD, ("dedup.bands=many",), 'dedup.bands: "many": input should be a valid integer'),
    ],
)  # fmt: skip
def test_a_bad_recipe_is_one_line_that_names_file_field_and_value(tmp_path, text, overrides, expected):
    message = refusal(tmp_path, text, *overrides)
    assert expected in message
    assert message.startswith((str(tmp_path / "r.yaml"), "--set"))


def test_swapped_bounds_tell_the_mend(tmp_path):
    assert "min_chars 9 is above max_chars 8; swap them" in refusal(
        tmp_path, GOOD + "filter: {min_chars: 9, max_chars: 8}"
    )


def test_a_missing_recipe_names_the_shipped_ones():
    with pytest.raises(BadInput, match="give a path, or the name of a shipped recipe: demo, megamath-web-pro-max"):
        find_recipe("nonesuch")
    assert find_recipe("demo") == manifests.ROOT / "recipes" / "demo.yaml"


@pytest.mark.parametrize("name", ["demo", "megamath-web-pro-max"])
def test_shipped_recipes_are_valid(name):
    assert load_recipe(find_recipe(name)).recipe.name == name


def test_the_megamath_recipe_holds_the_published_values():
    settings = load_recipe(find_recipe("megamath-web-pro-max")).recipe
    assert (settings.dedup.bands, settings.dedup.rows) == (11, 10)
    assert (settings.filter.min_language_score, settings.filter.min_math_score) == (0.65, 0.4)
    assert settings.extract.urls.named_lists == ("curated_sources",)
