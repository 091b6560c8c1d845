"""The table of features names tests that exist."""

import re

import harness

PAGE = harness.ROOT / "docs" / "features.md"


def named():
    """`(file, test)` of every reference."""
    return re.findall(r"`([\w]+\.(?:py|swift))::(\w+)`", PAGE.read_text())


def test_every_test_that_is_named_exists():
    missing = []
    for file, test in named():
        pattern = rf"^def {test}\(" if file.endswith(".py") else rf"func {test}\("
        paths = (harness.ROOT / "Tests").rglob(file)
        if not any(re.search(pattern, path.read_text(), re.MULTILINE) for path in paths):
            missing.append(f"{file}::{test}")
    assert missing == []
    assert len(named()) > 30


def test_what_is_there_is_shown():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if re.match(r"\| \d", line)]
    for row in rows:
        has, shown = row[4].strip(), row[5].strip()
        assert has.startswith("yes") == bool(shown), row[2]
        assert has.startswith(("yes", "no")), row[2]
