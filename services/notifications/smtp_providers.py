"""Well-known mail providers by the names that Nodemailer knows: host, port and TLS.

Port 465 speaks TLS from the first byte; the other ports upgrade with STARTTLS.
"""

import re
from typing import NamedTuple


class Provider(NamedTuple):
    """Where a provider takes mail."""

    host: str
    port: int
    tls: str


_HOSTS = {
    "126": "smtp.126.com:465",
    "163": "smtp.163.com:465",
    "1und1": "smtp.1und1.de:465",
    "aliyun": "smtp.aliyun.com:465",
    "aol": "smtp.aol.com:587",
    "disroot": "disroot.org:587",
    "elasticemail": "smtp.elasticemail.com:465",
    "ethereal": "smtp.ethereal.email:587",
    "fastmail": "smtp.fastmail.com:465",
    "forwardemail": "smtp.forwardemail.net:465",
    "gandimail": "mail.gandi.net:587",
    "gmail": "smtp.gmail.com:465",
    "gmailworkspace": "smtp-relay.gmail.com:465",
    "gmx": "mail.gmx.com:587",
    "hotmail": "smtp-mail.outlook.com:587",
    "icloud": "smtp.mail.me.com:587",
    "infomaniak": "mail.infomaniak.com:587",
    "kolabnow": "smtp.kolabnow.com:465",
    "loops": "smtp.loops.so:587",
    "mail.ru": "smtp.mail.ru:465",
    "mailersend": "smtp.mailersend.net:587",
    "mailgun": "smtp.mailgun.org:465",
    "mailjet": "in-v3.mailjet.com:587",
    "mailtrap": "live.smtp.mailtrap.io:587",
    "mandrill": "smtp.mandrillapp.com:587",
    "naver": "smtp.naver.com:587",
    "one": "send.one.com:465",
    "outlook365": "smtp.office365.com:587",
    "postmark": "smtp.postmarkapp.com:587",
    "proton": "smtp.protonmail.ch:587",
    "qq": "smtp.qq.com:465",
    "qqex": "smtp.exmail.qq.com:465",
    "resend": "smtp.resend.com:465",
    "runbox": "smtp.runbox.com:465",
    "sendgrid": "smtp.sendgrid.net:587",
    "sendinblue": "smtp-relay.brevo.com:587",
    "sendpulse": "smtp-pulse.com:465",
    "seznam": "smtp.seznam.cz:465",
    "smtp2go": "mail.smtp2go.com:2525",
    "sparkpost": "smtp.sparkpostmail.com:587",
    "yahoo": "smtp.mail.yahoo.com:465",
    "yandex": "smtp.yandex.ru:465",
    "zoho": "smtp.zoho.com:465",
}
_ALIASES = {
    "brevo": "sendinblue",
    "ethereal.email": "ethereal",
    "gandi": "gandimail",
    "googlemail": "gmail",
    "googleworkspacemail": "gmailworkspace",
    "hotmail.com": "hotmail",
    "mac": "icloud",
    "me": "icloud",
    "office365": "outlook365",
    "outlook": "hotmail",
    "outlook.com": "hotmail",
    "postmarkapp": "postmark",
    "proton.me": "proton",
    "protonmail": "proton",
    "ses": "ses-us-east-1",
}
_SES_REGION = re.compile(r"ses-([a-z]{2}(?:-[a-z]+)+-\d)")
PROVIDER_NAMES: tuple[str, ...] = tuple(sorted({*_HOSTS, *_ALIASES, "ses-<region>"}))


def find_provider(name: str) -> Provider | None:
    """Return the provider of that name, whichever its case and spaces, or None."""
    plain = re.sub(r"[^a-z0-9.-]", "", name.lower())
    canonical = _ALIASES.get(plain, plain)
    if region := _SES_REGION.fullmatch(canonical):
        return _provider(f"email-smtp.{region[1]}.amazonaws.com:465")
    return _provider(_HOSTS[canonical]) if canonical in _HOSTS else None


def _provider(address: str) -> Provider:
    host, _, port = address.partition(":")
    return Provider(host, int(port), "tls" if port == "465" else "starttls")
