"""`python -m ops.backup.reissue` without a server to ask."""

import pytest

from ops.backup import mongo, reissue
from ops.engines.ports import free_port


def test_a_database_that_is_away_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGODB_URI", f"mongodb://127.0.0.1:{free_port()}/?directConnection=true")
    monkeypatch.setattr(mongo, "_SERVER_SECONDS", 0.1)
    assert reissue.main() == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("error: MongoDB: ")
    assert line.endswith("check MONGODB_URI.")
