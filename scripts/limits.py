#!/usr/bin/env python3
"""Writes docs/limits.md: every named bound of the sources, with its value and what it is for.

A bound is a constant, or a member of a configuration with a default, whose name ends in `Max`, or any
constant of a type named `…Limits`, or a member of a type named `…Configuration` or `…Limits`, or a timeout, window
or lifetime. The text is the doc comment above it.

    scripts/limits.py            writes the file
    scripts/limits.py --check    changes nothing; fails when a bound is missing or differs
"""

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "limits.md"
FLOORS = ["Apps", "Domain", "Adapters", "Contract", "Runtime"]

TYPE = re.compile(r"^(\s*)(?:\w+(?:\(\w+\))?\s+|@\w+\s+)*(?:struct|enum|class|actor|extension)\s+([\w.]+)")
MEMBER = re.compile(
    r"^(\s*)(?:(?:package|private|fileprivate|internal)\s+)?(static\s+)?(?:let|var)\s+(\w+)"
    r"(?::\s*([\w.?<>]+))?\s*(?:=\s*(.+?)|\{\s*(.+?)\s*\})\s*$"
)
PARAMETER = re.compile(r"\b(\w+Max):\s*\w+\s*=\s*([^,)]+)")
NAMED = re.compile(r"(Max|MaxDefault)$")
TIMED = re.compile(r"([tT]imeout|[lL]ifetime|Window|[tT]imeoutMilliseconds)$")
PLAIN = re.compile(r"^[\d_\s*+<()-]+$")
DURATION = re.compile(r"^(?:Swift\.)?(?:Duration)?\.(seconds|milliseconds|microseconds)\((.+)\)$")
RANGE = re.compile(r"^\(?(.+?)\s*\.\.\.\s*(.+?)\)?$")

HEAD = """# Limits

Every length, size, count, queue, retry and wait of Trunkline has a name and a bound. This page is
written by `scripts/limits.py` from the sources, and `make lint` compares the two: a bound is changed
in the source, where its reason stands. What a flag of `trunklined serve` changes, its help says.
"""


def number(text):
    """The value of an expression of integers, or None."""
    if not PLAIN.match(text):
        return None
    try:
        tree = ast.parse(text.replace("_", ""), mode="eval")
        return eval(compile(tree, "bound", "eval"), {"__builtins__": {}})
    except SyntaxError:
        return None


def shown_number(value, name):
    is_bytes = re.search(r"[bB]ytes|[sS]ize|Window|memory|byteCount|(Low|Max)Bytes", name)
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if is_bytes and value >= size and value % size == 0:
            return f"{value // size:,} {unit}"
    return f"{value:,}"


def shown_duration(unit, amount):
    milliseconds = amount * {"seconds": 1000, "milliseconds": 1, "microseconds": 0.001}[unit]
    for name, size in (("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size:,.0f} {name}"
    return f"{milliseconds:,g} ms"


def shown(value, name):
    """An expression as a person reads it."""
    duration = DURATION.match(value)
    if duration:
        amount = number(duration.group(2))
        if amount is not None:
            return shown_duration(duration.group(1), amount)
    span = RANGE.match(value)
    if span and all(number(part) is not None for part in span.groups()):
        low, high = (shown_number(number(part), name) for part in span.groups())
        return f"{low} to {high}"
    plain = number(value)
    return f"`{value}`" if plain is None else shown_number(plain, name)


def words(name):
    """`keyCountMax` as "Key count."; for a bound without a comment."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", re.sub(r"Max$", "", name))
    text = " ".join(part if part.isupper() else part.lower() for part in parts)
    return text[:1].upper() + text[1:] + "."


def bounds(path):
    """(type, name, value, comment) for each bound of a file."""
    types, comment = [], []
    for line in path.read_text().splitlines():
        stripped = line.strip()
        if stripped.startswith("///"):
            comment.append(stripped[3:].strip())
            continue
        opened = TYPE.match(line)
        if opened and stripped.endswith("{"):
            indent = len(opened.group(1))
            types = [entry for entry in types if entry[0] < indent] + [(indent, opened.group(2))]
        member = MEMBER.match(line)
        if member and len(member.group(1)) <= 4:
            indent, is_static, name, kind, value, computed = member.groups()
            owner = [entry[1] for entry in types if entry[0] < len(indent)]
            inner = owner[-1] if owner else ""
            is_limits = inner.endswith("Limits") and is_static
            is_setting = inner.endswith(("Configuration", "Limits")) and not is_static
            if NAMED.search(name) or is_limits or is_setting or (is_static and TIMED.search(name)):
                text = value if value is not None else computed
                if is_bound(text, kind) or NAMED.search(name):
                    yield ".".join(owner), name, text, " ".join(comment) or words(name)
        for name, value in PARAMETER.findall(line):
            owner = [entry[1] for entry in types]
            if owner and owner[-1].endswith(("Limits", "Options")) and "init(" in line:
                yield ".".join(owner), name, value.strip(), words(name)
        if stripped and not stripped.startswith("@"):
            comment = []


def is_bound(value, kind):
    """Whether a configuration's default is a number, a range or a duration."""
    if kind and kind.strip("?") in ("Bool", "String"):
        return False
    return number(value) is not None or bool(DURATION.match(value)) or bool(RANGE.match(value))


def page():
    lines = [HEAD]
    for floor in FLOORS:
        for folder in sorted((ROOT / "Sources" / floor).iterdir()):
            rows = []
            for path in sorted(folder.rglob("*.swift")):
                if not path.name.endswith((".pb.swift", ".grpc.swift")):
                    rows += bounds(path)
            if not rows:
                continue
            lines += [f"## {folder.name}", "", "| bound | value | what it bounds |", "|---|---|---|"]
            for owner, name, value, comment in rows:
                title = f"{owner}.{name}" if owner else name
                text = comment.replace("|", "\\|")
                unit = f"{name} bytes" if re.search(r"\bbytes\b", comment, re.I) else name
                lines.append(f"| `{title}` | {shown(value, unit)} | {text} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main():
    text = page()
    if "--check" not in sys.argv[1:]:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text)
        return
    known = TARGET.read_text() if TARGET.exists() else ""
    if known == text:
        return
    lost = sorted(set(text.splitlines()) - set(known.splitlines()))
    gone = sorted(set(known.splitlines()) - set(text.splitlines()))
    for mark, rows in (("missing", lost), ("stale", gone)):
        for row in rows:
            print(f"limits: {mark}: {row}", file=sys.stderr)
    sys.exit("limits: docs/limits.md is not what the sources say; run scripts/limits.py")


if __name__ == "__main__":
    main()
