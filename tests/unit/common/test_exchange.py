"""Header fields as the environment of a request names them; what waits until an answer is sent."""

import io
import socket
from types import SimpleNamespace

import pytest
from eventlet.wsgi import Input

from common.answers import Answer
from common.exchange import Exchange, environ_of


def exchange(answer: Answer, connection: socket.socket) -> Exchange:
    """One whose request is read already, and is answered so."""
    made = Exchange.__new__(Exchange)
    made.command, made.path, made.close_connection = "GET", "/", True
    made.connection, made.server = connection, SimpleNamespace(app=lambda environ: answer)
    made.environ = {"eventlet.input": Input(io.BytesIO(), "0", connection)}
    return made


def test_what_waits_for_an_answer_to_be_sent_is_done_after_it() -> None:
    ours, clients = socket.socketpair()
    answer, arrived = Answer(200, {}, b"all"), []
    answer.sent = lambda: arrived.append(clients.recv(4096, socket.MSG_DONTWAIT))
    with ours, clients:
        exchange(answer, ours).handle_one_response()
    assert arrived[0].endswith(b"\r\n\r\nall")


def test_it_is_done_as_well_where_nobody_takes_the_answer() -> None:
    ours, clients = socket.socketpair()
    clients.close()
    answer, told = Answer(200, {}, b"all"), []
    answer.sent = lambda: told.append("told")
    with ours, pytest.raises(OSError):
        exchange(answer, ours).handle_one_response()
    assert told == ["told"]


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
