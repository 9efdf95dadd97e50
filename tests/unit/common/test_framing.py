"""The head of a request: which targets are text."""

import pytest

from common.framing import is_text


@pytest.mark.parametrize(
    "target", ["/", "/a%20b?q=%C3%A9", "/?q=\xc3\xa9", "/?q=%F0%9F%98%80", "/%00", "/?q=100%", "/?q=%zz", "*"]
)
def test_a_target_of_utf_8_is_text_escaped_or_not(target: str) -> None:
    assert is_text(target)


@pytest.mark.parametrize(
    "target",
    [
        "/?q=%ff",
        "/?%FF=1",
        "/api/todos/%e4%b8",
        "/?q=\xe9",
        "/%C3?%A9",
        "/?q=%C3%28",
        "/?q=%ED%A0%80",
        "/%C0%AF",
    ],
)
def test_a_target_that_is_no_utf_8_is_none(target: str) -> None:
    assert not is_text(target)
