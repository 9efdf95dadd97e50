"""Header fields as the environment of a request names them."""

from common.exchange import environ_of


def test_fields_are_named_as_wsgi_names_them() -> None:
    found = environ_of(
        [("Host", "x"), ("X-Request-ID", "a"), ("content-type", "a/b"), ("Content-Length", "3")]
    )

    assert found == {
        "HTTP_HOST": "x", "HTTP_X_REQUEST_ID": "a", "CONTENT_TYPE": "a/b", "CONTENT_LENGTH": "3",
    }  # fmt: skip


def test_what_comes_twice_is_one_list_and_a_type_is_the_first_one() -> None:
    found = environ_of([("Accept", "a"), ("Content-Type", "a/b"), ("accept", "b"), ("Content-Type", "c/d")])

    assert found == {"HTTP_ACCEPT": "a,b", "CONTENT_TYPE": "a/b"}


def test_a_field_with_an_underscore_takes_no_other_ones_place() -> None:
    found = environ_of([("X_Forwarded_For", "1.2.3.4"), ("Content_Length", "5"), ("X-Forwarded-For", "5.6")])

    assert found == {"HTTP_X_FORWARDED_FOR": "5.6", "CONTENT_TYPE": "text/plain"}
