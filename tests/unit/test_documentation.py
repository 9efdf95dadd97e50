"""The pages lead where they say: to files that are there, and to sections of that name."""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "ops" / "kubernetes" / "README.md"]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
SECTION = re.compile(r"\[[\w/.]+\]\(([\w/.]+\.md)\)((?:(?:, | and )\"[^\"]+\")+)")
WRITES = {"write", *(f"log.{level}" for level in ("info", "warning", "error", "exception", "critical"))}
ASKED = {
    "Performance": ["Connection pooling", "Response caching", "Load balancing", "CDN for static files"],
    "Security": ["HTTPS", "Token revocation", "Rate limiting", "Input validation"],
    "Monitoring": ["Health checks", "Metrics", "Alerting", "Log aggregation"],
    "Backup and recovery": [
        "Database backups", "Message persistence", "Disaster recovery", "Data replication"
    ],
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_every_named_section_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    for target, named in SECTION.findall(text):
        there = (page.parent / target).read_text()
        for name in re.findall(r'"([^"]+)"', named):
            if not re.search(rf"^#+ {re.escape(name)}$|\*\*{re.escape(name)}\.?\*\*", there, re.MULTILINE):
                missing.append(f"{target}: {name}")
    assert missing == []


def test_each_line_of_the_overview_s_production_considerations_has_an_answer() -> None:
    chapters = (ROOT / "docs" / "production.md").read_text().split("\n## ")[1:]
    answers = {
        chapter.split("\n", 1)[0]: re.findall(r"^\| \*\*(.+?)\*\* \| \S", chapter, re.MULTILINE)
        for chapter in chapters
    }
    assert answers == ASKED


def logged(path: Path) -> Iterator[str]:
    """The events that a file writes to the log at INFO and above."""
    for call in ast.walk(ast.parse(path.read_text())):
        if not isinstance(call, ast.Call) or not call.args or ast.unparse(call.func) not in WRITES:
            continue
        said = (
            [call.args[0].body, call.args[0].orelse] if isinstance(call.args[0], ast.IfExp) else call.args[:1]
        )
        yield from (one.value for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str))


def test_every_event_of_the_log_stands_in_the_operators_table() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().split("\n## Logs\n")[1].split("\n## ")[0]
    code = [path for room in ("common", "gateway", "services") for path in (ROOT / room).rglob("*.py")]
    names = {name for path in (*code, ROOT / "ops" / "serve.py") for name in logged(path)}
    assert len(names) > 50
    assert sorted(name for name in names if f"`{name}`" not in table) == []


@pytest.mark.skipif(not shutil.which("jq"), reason="the runbook uses jq")
def test_the_runbook_s_login_bears_a_password_of_any_kind(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    line = re.search(r"^\$ (ADMIN=.*?\))\n\$", text, re.MULTILINE | re.DOTALL)
    assert line
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\ncat > {tmp_path}/sent\necho \'{{"access_token": "a.b.c"}}\'\n')
    curl.chmod(0o755)
    given = {"ADMIN_EMAIL": "root@example.org", "ADMIN_PASSWORD": 'a "good" one\'s $HOME'}
    shown = subprocess.run(
        ["bash", "-c", f'{line[1]}; echo "$ADMIN"'], env=given | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.stdout == "a.b.c\n"
    assert json.loads((tmp_path / "sent").read_text()) == {
        "email": given["ADMIN_EMAIL"], "password": given["ADMIN_PASSWORD"],
    }  # fmt: skip
