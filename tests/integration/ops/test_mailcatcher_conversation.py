"""What a mail catcher makes of what is written to it, in whatever pieces."""

import asyncio
import re
import smtplib
from pathlib import Path

import pytest
import requests

from ops.engines import MailCatcher
from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.conversation import Conversation
from ops.mailcatcher.smtp import Handler
from ops.mailcatcher.store import MailStore

HOST = "127.0.0.1"
MAIL = b"MAIL FROM:<x@example.com>\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".",
        b"..\r\nx",
        b"one line",
        b"ends in a dot.\r\n",
        b"\r\n.\r\n.x.\r\n\r\n",
        b"a.\r\n" * 500,
        b"y" * 300_000,
    ],
)
def test_a_text_is_kept_as_it_was_wherever_its_dots_stand(catcher: MailCatcher, text: bytes) -> None:
    with smtplib.SMTP(HOST, catcher.port, timeout=10) as client:
        client.sendmail("x@example.com", ["anna@example.com"], b"Subject: x\r\n\r\n" + text)
        client.sendmail("x@example.com", ["anna@example.com"], text)
        client.send(MAIL)
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.send(
            re.sub(rb"(?m)^\.", b"..", text) + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n"
        )
        assert client.getreply()[0] == 250
    whole, bare, together = [
        requests.get(f"{catcher.url}/mails/{mail['id']}/source", timeout=10).content
        for mail in reversed(catcher.mails())
    ]
    for kept, sent in ((whole, b"Subject: x\r\n\r\n" + text), (bare, text), (together, text)):
        assert kept == (sent if sent.endswith(b"\r\n") else sent + b"\r\n")


def test_commands_may_come_together_and_are_answered_together(catcher: MailCatcher) -> None:
    with smtplib.SMTP(HOST, catcher.port, timeout=10) as client:
        client.ehlo()
        assert client.has_extn("pipelining")
        client.send(MAIL)
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
        client.send(b"Subject: first\r\n\r\n.\r\n" + MAIL)
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 250, 354]
        client.send(b"Subject: second\r\n\r\n.\r\nMAIL FROM:<x@example.com>\r\nRCPT\r\nDATA\r\nQUIT\r\n")
        assert [client.getreply()[0] for _ in range(5)] == [250, 250, 501, 503, 221]
    assert [mail["subject"] for mail in catcher.mails()] == ["second", "first"]


async def silent_after(commands: list[bytes], store: MailStore) -> float:
    """How long it takes until a client that says no more than that is hung up on, of a patience of 0.4 s."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(Handler(Catcher(store)), timeout=0.4), HOST, 0)
    async with server:
        reader, writer = await asyncio.open_connection(HOST, server.sockets[0].getsockname()[1])
        began = loop.time()
        for command in commands:
            await asyncio.sleep(0.25)
            writer.write(command)
        await reader.read()
        writer.close()
    return loop.time() - began


def test_a_client_that_goes_silent_is_hung_up_on_and_one_that_talks_is_not(tmp_path: Path) -> None:
    talk = [b"EHLO x\r\n", b"NOOP\r\n", MAIL]
    waited = asyncio.run(silent_after(talk, MailStore(tmp_path / "mails")))
    assert 0.75 + 0.4 <= waited < 5
