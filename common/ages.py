"""Until when certificates are good, and since when secrets are used: for the alerts that tell in time.

Looked at when a process starts, as the files themselves are.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from common import config, metrics, secrets_in_files, trust


def show_ages(settings: dict[str, Any]) -> None:
    """Show what is known of the process's certificates and secrets."""
    for setting, path in own_certificates(settings).items():
        _show_end(setting, ends(path)[:1])  # the others lead from it to its authority
    for setting, path in authorities(settings).items():
        _show_end(setting, ends(path))
    for setting, file in secret_files(settings).items():
        metrics.SECRET_SINCE.labels(setting).set(file.stat().st_mtime)
    if settings["JWT_SECRET_SINCE"]:
        since = datetime.fromisoformat(settings["JWT_SECRET_SINCE"]).replace(tzinfo=UTC)
        metrics.SECRET_SINCE.labels("JWT_SECRET").set(since.timestamp())


def own_certificates(settings: dict[str, Any]) -> dict[str, str]:
    """The files of certificates that the process shows, by the setting that names each."""
    mongodb = trust.mongodb_options(settings["MONGODB_URI"])
    return _given(
        {
            "TLS_CERT": settings["HTTP"]["tls_cert"],
            "RABBITMQ_CERT": settings["RABBITMQ_TLS"].get("cert", ""),
            "MONGODB_URI tlsCertificateKeyFile": mongodb.get("tlscertificatekeyfile", ""),
        }
    )


def authorities(settings: dict[str, Any]) -> dict[str, str]:
    """The files of authorities that it believes; where several are in one, the last of them counts."""
    return _given(
        {
            "RABBITMQ_CA": settings["RABBITMQ_TLS"].get("ca", ""),
            "DB_SSLROOTCERT": settings["POSTGRES"].get("sslrootcert", ""),
            "MONGODB_URI tlsCAFile": trust.mongodb_options(settings["MONGODB_URI"]).get("tlscafile", ""),
            "SMTP_TLS_CA": settings["MAIL"].get("tls_ca", ""),
        }
    )


def ends(path: str) -> list[float]:
    """When each certificate in a file ends, in Unix seconds; none if they can't be read for that."""
    try:
        certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        return []  # what the start needs of them is checked elsewhere
    return [one.not_valid_after_utc.timestamp() for one in certificates]


def secret_files(settings: dict[str, Any]) -> dict[str, Path]:
    """The files that secrets stand in, by the setting: as old as their last change."""
    found = {"JWT_PRIVATE_KEY": Path(settings["JWT_PRIVATE_KEY"] or "/")}
    if not settings["JWT_SECRET"]:
        found["JWT_SECRET"] = config.SECRET_FILE
    elif given := secrets_in_files.path_of("JWT_SECRET"):
        found["JWT_SECRET"] = given
    return {setting: path for setting, path in found.items() if path.is_file()}


def _show_end(setting: str, found: list[float]) -> None:
    if found:
        metrics.CERTIFICATE_EXPIRES.labels(setting).set(max(found))


def _given(files: dict[str, str]) -> dict[str, str]:
    return {setting: path for setting, path in files.items() if path}
