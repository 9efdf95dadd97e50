"""The mail catcher as a process, spoken to over SMTP and HTTP."""

import smtplib
import socket
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
import requests

from ops.engines import EngineError, MailCatcher
from ops.engines.ports import free_port

HOST = "127.0.0.1"


@pytest.fixture
def secured(request, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), *request.param)
    made = MailCatcher(tmp_path / "mail", free_port(), free_port(), options)
    made.start()
    made.wait_ready()
    yield made, ssl.create_default_context(cafile=certificate)
    made.stop()


def letter(to="anna@example.com", subject="Welcome", **headers):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "suite@example.com", to, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Open http://localhost:3000/verify?token=abc please\n")
    mail.add_alternative("<p>Hello</p><script>alert(1)</script>", subtype="html")
    return mail


def connect(catcher):
    return smtplib.SMTP(HOST, catcher.port, timeout=10)


def deliver(catcher, mail):
    with connect(catcher) as client:
        client.send_message(mail)


def test_a_mail_is_kept_with_its_envelope_headers_and_parts(catcher):
    deliver(catcher, letter(subject="Grüße", X_Message_Id="7"))
    mail = catcher.wait_for_mail("anna@example.com", "Grüße")
    assert mail["from"] == "suite@example.com"
    assert mail["to"] == ["anna@example.com"]
    assert mail["headers"]["X-Message-Id"] == "7"
    assert "token=abc" in mail["text"]
    assert mail["html"].startswith("<p>Hello</p>")
    received = datetime.fromisoformat(mail["received_at"])
    assert mail["received_at"].endswith("Z")
    assert timedelta(0) <= datetime.now(UTC) - received < timedelta(minutes=1)
    assert catcher.mail(mail["id"]) == mail


def test_mails_survive_a_restart_of_the_catcher(catcher):
    deliver(catcher, letter())
    before = catcher.mails()
    catcher.restart()
    assert catcher.mails() == before
    deliver(catcher, letter())
    assert [mail["id"] for mail in catcher.mails()][1:] == [mail["id"] for mail in before]


def test_waiting_for_a_mail_that_never_comes_tells_what_came_instead(catcher):
    deliver(catcher, letter(to="bo@example.com"))
    with pytest.raises(AssertionError, match=r"'Welcome' to bo@example\.com"):
        catcher.wait_for_mail("anna@example.com", timeout=0.2)


def test_garbage_is_kept_like_any_other_mail(catcher):
    with connect(catcher) as client:
        client.sendmail(
            "x@example.com", ["anna@example.com"], b"\xff\x00 =?utf-8?b?!?=\r\nContent-Type: ;;\r\n\r\n\xfe"
        )
        client.sendmail("x@example.com", ["anna@example.com"], b"")
    assert len(catcher.mails(to="anna@example.com")) == 2
    for mail in catcher.mails():
        assert requests.get(f"{catcher.url}/mails/{mail['id']}", timeout=10).status_code == 200


def test_a_client_that_talks_nonsense_or_hangs_up_harms_nobody(catcher):
    for noise in (
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 5000,
        b"MAIL FROM:<\xff\r\nDATA\r\n",
    ):
        for port in (catcher.port, catcher.http_port):
            with socket.create_connection((HOST, port), timeout=5) as client:
                client.sendall(noise)
    deliver(catcher, letter())
    catcher.wait_for_mail("anna@example.com")


def test_a_mail_above_the_size_limit_is_refused_for_good(catcher):
    with connect(catcher) as client, pytest.raises(smtplib.SMTPException) as refusal:
        client.sendmail("x@example.com", ["anna@example.com"], b"x" * 70 + b"\r\n" + b"y" * 70 * 400_000)
    assert 500 <= refusal.value.args[0] < 600
    assert catcher.mails() == []


def test_refused_recipients_are_answered_and_recorded(catcher):
    catcher.faults(permanent_recipients=["gone@example.com"], temporary_recipients=["busy@example.com"])
    for recipient, code in (("gone@example.com", 550), ("busy@example.com", 451)):
        with connect(catcher) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            client.send_message(letter(to=recipient))
        assert refusal.value.recipients[recipient][0] == code
        assert [attempt["code"] for attempt in catcher.attempts(recipient)] == [code]
    deliver(catcher, letter())
    assert [mail["to"] for mail in catcher.mails()] == [["anna@example.com"]]


def test_a_refusal_after_the_text_records_which_message_it_was(catcher):
    catcher.faults(permanent_recipients=["gone@example.com"], stage="data")
    with connect(catcher) as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.send_message(letter(to="gone@example.com", Message_ID="<1@example.com>", X_Message_Id="9"))
    assert refusal.value.smtp_code == 550
    (attempt,) = catcher.attempts("gone@example.com")
    assert (attempt["message_id"], attempt["x_message_id"]) == ("<1@example.com>", "9")


def test_a_share_of_the_mails_is_refused_for_now_and_every_attempt_counted(catcher):
    catcher.faults(temporary_share=0.5)
    codes = []
    with connect(catcher) as client:
        for _ in range(40):
            try:
                client.send_message(letter())
                codes.append(250)
            except smtplib.SMTPDataError as refusal:
                codes.append(refusal.smtp_code)
    assert set(codes) == {250, 451}
    assert [attempt["code"] for attempt in catcher.attempts("anna@example.com")] == codes
    assert len(catcher.mails()) == codes.count(250)


def test_a_refusing_server_hangs_up_at_once(catcher):
    catcher.faults(refuse=True)
    with pytest.raises(smtplib.SMTPConnectError) as refusal:
        connect(catcher)
    assert refusal.value.smtp_code == 421
    catcher.faults()
    deliver(catcher, letter())


def test_a_delayed_answer_that_nobody_waits_for_keeps_no_mail(catcher):
    catcher.faults(delay_seconds=1)
    began = time.monotonic()
    deliver(catcher, letter())
    assert time.monotonic() - began >= 1
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        smtplib.SMTP(HOST, catcher.port, timeout=0.3).send_message(letter(to="bo@example.com"))
    time.sleep(1.2)
    assert catcher.mails(to="bo@example.com") == []


def test_faults_that_make_no_sense_are_refused(catcher):
    with pytest.raises(ValueError, match="typo"):
        catcher.faults(typo=1)


def test_the_list_page_escapes_what_strangers_send(catcher):
    deliver(catcher, letter(subject="<script>alert(1)</script>"))
    page = requests.get(catcher.url, timeout=10)
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_list_page_searches_by_recipient(catcher):
    for recipient in ("anna@example.com", "bo@example.com"):
        deliver(catcher, letter(to=recipient, subject=f"to {recipient}"))
    page = requests.get(catcher.url, params={"q": "anna"}, timeout=10).text
    assert "to anna@example.com" in page
    assert "to bo@example.com" not in page


def test_a_mails_own_html_runs_no_script_and_loads_nothing(catcher):
    deliver(catcher, letter())
    mail_id = catcher.mails()[0]["id"]
    page = requests.get(f"{catcher.url}/mails/{mail_id}", timeout=10)
    assert "<iframe" in page.text
    assert 'sandbox="allow-popups' in page.text
    assert "<script" not in page.text.replace("&lt;script", "")
    policy = requests.get(f"{catcher.url}/mails/{mail_id}/html", timeout=10).headers[
        "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_deleting_empties_the_list(catcher):
    deliver(catcher, letter())
    assert requests.delete(f"{catcher.url}/api/mails", timeout=10).status_code == 200
    assert catcher.mails() == []
    assert requests.get(f"{catcher.url}/health", timeout=10).json()["mails"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/mails/999999", 404),
        ("GET", "/api/mails/999999", 404),
        ("GET", "/api/mails/../../etc/passwd", 404),
        ("GET", "/list.html", 404),
        ("GET", "/api/mails?limit=many", 400),
        ("PUT", "/api/mails", 404),
        ("PUT", "/api/faults", 400),
        ("POST", "/", 501),
    ],
)
def test_other_addresses_are_answered_with_an_error(catcher, method, path, status):
    assert requests.request(method, catcher.url + path, timeout=10).status_code == status


@pytest.mark.parametrize("secured", [()], indirect=True)
def test_tls_from_the_first_byte(secured):
    catcher, context = secured
    with smtplib.SMTP_SSL(HOST, catcher.port, timeout=10, context=context) as client:
        client.send_message(letter())
    assert len(catcher.mails()) == 1


@pytest.mark.parametrize("secured", [("--starttls", "--user", "suite", "--password", "p w")], indirect=True)
def test_starttls_and_the_right_login_are_insisted_on(secured):
    catcher, context = secured
    with smtplib.SMTP(HOST, catcher.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPException):
            client.send_message(letter())
        client.starttls(context=context)
        with pytest.raises(smtplib.SMTPException):
            client.send_message(letter())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("suite", "wrong")
        client.login("suite", "p w")
        client.send_message(letter())
    assert len(catcher.mails()) == 1


@pytest.mark.parametrize("secured", [("--user", "suite", "--password", "p w")], indirect=True)
def test_a_login_over_tls_is_accepted(secured):
    catcher, context = secured
    with smtplib.SMTP_SSL(HOST, catcher.port, timeout=10, context=context) as client:
        client.login("suite", "p w")
        client.send_message(letter())
    assert len(catcher.mails()) == 1


def test_a_port_that_is_taken_ends_the_catcher_with_one_line(tmp_path):
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        catcher = MailCatcher(tmp_path, holder.getsockname()[1], free_port())
        with pytest.raises(EngineError, match="address already in use"):
            catcher.start()
            catcher.wait_ready()
        catcher.kill()
        assert "Traceback" not in catcher.log_file.read_text()
