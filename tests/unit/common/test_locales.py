"""Language tags, and the language that the suite answers them in."""

import pytest

from common.errors import ValidationFailed
from common.locales import LANGUAGES, first_spoken, language_of, read_locale
from common.schemas import Locale, StrictSchema, load


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("en", "en"), ("DE", "de"), ("de-at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"),
        ("gsw-CH", "gsw-CH"), ("sr-LATN", "sr-Latn"),
    ],
)  # fmt: skip
def test_a_tag_is_kept_in_its_usual_spelling(given: str, kept: str) -> None:
    assert read_locale(given) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "german",
        "de_AT",
        "de-",
        "-de",
        "de-AT-x",
        "de AT",
        "de\n",
        "../..",
        "*",
        "d\u00e9",
        "\u017fv",
        "12",
    ],
)
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="language tag"):
        read_locale(text)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en", "en"), ("en-GB", "en"), ("de", "de"), ("DE-at", "de"), ("de-AT", "de"),
        ("de-Latn-AT", "de"), ("fr", "en"),
        ("fr-CA", "en"), ("", "en"), ("den", "en"), (None, "en"), (5, "en"), (["de"], "en"),
    ],
)  # fmt: skip
def test_a_locale_without_a_translation_falls_back_part_by_part_to_english(
    locale: object, language: str
) -> None:
    assert language_of(locale) == language


def test_of_several_tags_the_first_that_is_spoken_wins() -> None:
    assert first_spoken(["fr", "de-CH", "en"]) == "de"
    assert first_spoken(["fr", "*", "-", "\u00e9"]) == first_spoken([]) == "en"
    assert first_spoken(["a-" * 4000]) == "en"


def test_every_language_is_a_locale() -> None:
    assert [read_locale(language) for language in LANGUAGES] == list(LANGUAGES)


@pytest.mark.parametrize("value", [None, 5, ["de"], {"de": 1}, True, "german"])
def test_a_field_tells_what_is_wrong_with_a_locale(value: object) -> None:
    schema = StrictSchema.from_dict({"locale": Locale()})
    with pytest.raises(ValidationFailed) as caught:
        load(schema, {"locale": value})
    assert list(caught.value.details) == ["locale"]
