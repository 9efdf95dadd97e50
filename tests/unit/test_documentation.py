"""The pages lead where they say: to files that are there, and to sections of that name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "ops" / "kubernetes" / "README.md"]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)")
SECTION = re.compile(r"\[[\w/.]+\]\(([\w/.]+\.md)\)((?:(?:, | and )\"[^\"]+\")+)")
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
