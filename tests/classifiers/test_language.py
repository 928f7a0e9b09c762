from pathlib import Path

import fasttext
import pytest

from classifiers.iso639 import language_code
from classifiers.language import IDENTIFY_CHARS, WINDOW_CHARS, linguistic, load_language_model

TEXTS = {
    "en": "The garden behind the house is small, but in summer it is full of flowers and bees.",
    "de": "Der Garten hinter dem Haus ist klein, aber im Sommer ist er voller Blumen und Bienen.",
    "fr": "Le jardin derrière la maison est petit, mais en été il est plein de fleurs et d'abeilles.",
    "es": "El jardín detrás de la casa es pequeño, pero en verano está lleno de flores y abejas.",
    "pl": "Ogród za domem jest mały, ale latem jest pełen kwiatów i pszczół, a wieczorem pachnie.",
    "ru": "Сад за домом небольшой, но летом в нём много цветов и пчёл, а вечером там тихо.",
    "zh": "房子后面的花园很小,但是夏天里面开满了花,也有很多蜜蜂。",
    "ja": "家の後ろの庭は小さいですが、夏には花がたくさん咲いて、蜂が飛んできます。",
}


@pytest.mark.parametrize("code", TEXTS)
def test_languages(code: str) -> None:
    found, score = load_language_model().identify(TEXTS[code])
    assert found == code
    assert 0.65 < score <= 1.0


@pytest.mark.parametrize(
    "text", ["", " \n", "123 456", "$x^2 + y^2 = z^2$", "`code()`", "https://example.org/page", "∑ ∫ ∞"]
)
def test_texts_without_words(text: str) -> None:
    assert load_language_model().identify(text) == ("und", 0.0)


def test_formulas_code_and_urls_are_masked() -> None:
    text = (
        "We see $\\alpha^2$ and \\(x\\) here\n$$\\int fdx$$\n```\nimport os\n```\n`ls -l` at https://a.org/b "
        "\\begin{align*}abc\\end{align*} \\emph{done} x y 42 don't it cost $5 or $10"
    )
    assert linguistic(text) == "We see and here at done don't it cost or"


def test_an_english_page_of_formulas_is_english() -> None:
    formulas = "\n\n".join(
        f"$$\\operatorname{{proj}}_{{e_{n}}} v = \\frac{{v \\cdot e_{n}}}{{e_{n}}}$$" for n in range(40)
    )
    code, score = load_language_model().identify(
        f"Then we obtain the following formulas for the projection.\n\n{formulas}"
    )
    assert code == "en"
    assert score > 0.65


def test_only_two_bounded_windows_are_read() -> None:
    english, german = TEXTS["en"] + " ", TEXTS["de"] + " "
    page = german * (2 + WINDOW_CHARS // len(german))
    assert load_language_model().identify(page + english * 5 + page)[0] == "de"
    assert len(linguistic("word " * 100_000)) <= 2 * IDENTIFY_CHARS + 1


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("en", "en"),
        ("__label__en", "en"),
        ("__label__eng_Latn", "en"),
        ("cmn_Hani", "zh"),
        ("zh-Hans", "zh"),
        ("arb_Arab", "ar"),
        ("srl", "srl"),
        ("haw_Latn", "haw"),
        ("zxx_Zzzz", "und"),
        ("und", "und"),
    ],
)
def test_labels(label: str, code: str) -> None:
    assert language_code(label) == code


def test_a_users_fasttext_model(tmp_path: Path) -> None:
    lines = [f"__label__{label}_Latn {TEXTS[code]}" for label, code in (("eng", "en"), ("deu", "de"))] * 50
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # Ten threads: with fewer fastText leaves part of the matrix uninitialised.
    model = fasttext.train_supervised(
        str(tmp_path / "lines.txt"), dim=8, epoch=20, lr=1.0, minn=2, maxn=4, bucket=2000, thread=10, verbose=0
    )
    model.save_model(str(tmp_path / "lid.bin"))
    identifier = load_language_model(str(tmp_path / "lid.bin"))
    assert identifier.name == "lid"
    assert identifier.identify(TEXTS["en"])[0] == "en"
    assert identifier.identify(TEXTS["de"])[0] == "de"
    assert identifier.digest != load_language_model().digest


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such model file"):
        load_language_model(str(tmp_path / "absent.bin"))


@pytest.mark.data
def test_mathematics_in_english_is_english(real_data: Path) -> None:
    import json

    model = load_language_model()
    rows = [json.loads(line) for path in sorted((real_data / "text_math").glob("*.jsonl")) for line in path.open()][::5]
    found = [model.identify(row["text"])[0] for row in rows]
    # A few texts are tables of numbers without a word; every other one is in English.
    assert set(found) == {"en", "und"}
    assert found.count("und") <= 4
