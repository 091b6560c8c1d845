"""A registry with a million numbers, on SQLite and on PostgreSQL.

A few numbers are imported and assigned by the programs themselves, with the carrier simulator. Every
row that this left in any table is then cloned, with other ids, numbers and times, as if the imports
had happened over the last year. History has the age at which housekeeping forgets it. PostgreSQL
gets the same rows by COPY, in tables that `trunklined migrate` made.

It is kept in .build/bench-million until the schema, or this file, changes. What is not true to life
in it: the tokens in the clones' webhook URLs, which belong to the numbers that were cloned.
"""

import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".build" / "bench-million"
REGIONS = ("us1", "ie1", "au1")
PROVIDERS, AGENTS = 30, 100
DAY = 24 * 3600 * 1_000_000
SPAN = 365 * DAY
# What housekeeping leaves: see RegistryLimits.
EVENTS_MAX = 1_000_000
AGE_MAX = {"registry_requests": 3 * DAY, "provisioning_journal": 30 * DAY,
           # Nothing forgets these; a quarter of a year spares the disk.
           "audit_events": 90 * DAY}
# One number in so many is in a state other than active.
DEGRADED_EACH, CORRUPTED_EACH, UNASSIGNED_EACH = 50, 400, 5
BATCH = 20_000


def stamp(count):
    """Names what the data was made from."""
    digest = hashlib.sha256(f"{count}".encode())
    adapters = ROOT / "Sources" / "Adapters"
    sources = [pathlib.Path(__file__), adapters / "StoreSQL" / "Documents" / "RouteDocument.swift",
               adapters / "StoreSQL" / "Documents" / "StoredDocument.swift",
               *sorted((adapters / "StoreSQL" / "Schema").glob("*.swift")),
               adapters / "StoreSQLite" / "Registry" / "SQLiteRegistryMigrations.swift",
               adapters / "StoreSQLite" / "SQLite" / "CheckedPages.swift"]
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Pattern:
    """One row of a table, with holes where a clone differs."""

    def __init__(self, table, columns, row, holes, times):
        self.table, self.columns = table, columns
        self.age_max = AGE_MAX.get(table)
        self.cells = [self._cell(name, value, holes, times) for name, value in zip(columns, row)]
        self.is_event = table == "events"
        self.sequence = columns.index("sequence") if "sequence" in columns else None

    @staticmethod
    def _cell(name, value, holes, times):
        """A constant, a shifted time, or a text with the names of its holes."""
        if isinstance(value, int):
            return ("time", value) if value in times else ("same", value)
        if value is None:
            return ("same", None)
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        words = list(holes) + [str(moment) for moment in times]
        parts = re.split("(" + "|".join(re.escape(word) for word in words) + ")", text)
        if len(parts) == 1:
            return ("same", value)
        form = "".join(part.replace("%", "%%") if index % 2 == 0 else "%s"
                       for index, part in enumerate(parts))
        names = [holes.get(part, part) for part in parts[1::2]]
        return ("bytes" if isinstance(value, bytes) else "text", form, names)

    def clone(self, words, shift):
        row = []
        for cell in self.cells:
            kind = cell[0]
            if kind == "same":
                row.append(cell[1])
            elif kind == "time":
                row.append(cell[1] + shift)
            else:
                text = cell[1] % tuple([words[name] for name in cell[2]])
                row.append(text if kind == "text" else text.encode("latin-1"))
        return row


class Template:
    """All rows that one number left."""

    def __init__(self, database, number):
        self.number = number
        rows = [found for table in tables(database) for found in self._rows(database, table)]
        everything = "\n".join(str(row) for _, _, row in rows)
        own = set(re.findall(r"\b(?:op|aud)_[0-9a-f]{32}\b", everything))
        requests = {row[columns.index("request_id")] for table, columns, row in rows
                    if table == "registry_requests"}
        times = {int(found) for found in re.findall(r"\b179\d{13}\b", everything)}
        times |= {int(found) for found in re.findall(r"\b1[78]\d{14}\b", everything)}
        self.create_time = number["create_time"]
        self.times = sorted(times)
        self.own = sorted(own | requests)
        holes = {number["id"]: "number", number["e164"]: "e164", number["sid"]: "sid",
                 number["provider"]: "provider", number["account"]: "account",
                 number["agent"]: "agent"}
        holes |= {word: word for word in self.own}
        holes.pop("", None)
        self.patterns = [Pattern(table, columns, row, holes, times) for table, columns, row in rows]
        self.event_count = sum(pattern.is_event for pattern in self.patterns)

    def _rows(self, database, table):
        cursor = database.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            if any(self.number["id"] in (value.decode("latin-1") if isinstance(value, bytes)
                                         else str(value)) for value in row):
                yield table, columns, row


def tables(database):
    return [name for name, in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]


def seed(folder):
    """Makes the data folder with what is cloned; answers the numbers, providers and agents."""
    import stage

    def cli(*arguments, secrets=None):
        result = subprocess.run(
            [str(stage.program("trunkline")), *arguments, "--output=json",
             f"--server=127.0.0.1:{ground.ports['grpc']}"], capture_output=True, text=True,
            env=os.environ | {"TRUNKLINE_TOKEN_FILE": str(ground.token_file)} | (secrets or {}))
        if result.returncode != 0:
            sys.exit(f"bench: trunkline {arguments}: {result.stderr}")
        return json.loads(result.stdout)

    providers, agents, numbers = [], [], []
    with stage.Stage(folder) as ground:
        for index in range(AGENTS):
            agents.append(cli("agents", "create", f"agent-{index:03}", "--media-stream",
                              f"wss://agents.example.com/{index}")["agent"]["id"])
        for index in range(PROVIDERS):
            region = REGIONS[index % len(REGIONS)]
            account = ground.sim("POST", "/accounts", {"friendly_name": f"Example {index}"})
            key = ground.sim("POST", "/keys", {"account_sid": account["sid"], "region": region})
            made = cli(
                "providers", "create", "--region", region, "--account-sid", account["sid"],
                "--api-key-sid", key["sid"],
                secrets={"TRUNKLINE_API_KEY_SECRET": key["secret"],
                         "TRUNKLINE_AUTH_TOKEN": account["auth_tokens"][region]["primary"]})
            providers.append((made["provider"]["id"], account["sid"], region))
            if index >= len(REGIONS):
                continue
            for agent in (agents[index], ""):
                e164 = f"+1415555{index:02}{1 if agent else 2:02}"
                held = ground.sim("POST", "/numbers", {
                    "account_sid": account["sid"], "phone_number": e164,
                    "configurations": {region: {"voice_url": "https://former.example.com/voice",
                                                "voice_method": "POST"}}})
                number = cli("phone-numbers", "import", e164, "--provider-id", providers[-1][0],
                             "--label", "Reception")["phoneNumber"]
                if agent:
                    cli("phone-numbers", "assign", number["id"], agent)
                numbers.append({"id": number["id"], "e164": e164, "sid": held["sid"],
                                "provider": providers[-1][0], "account": account["sid"],
                                "agent": agent, "region": region})
    return numbers, providers, agents


def hex_id(chance, microseconds):
    """32 hex digits as a UUIDv7 of that time has them."""
    return f"{microseconds // 1000:012x}7{chance.getrandbits(12):03x}{chance.getrandbits(64):016x}"


def clones(templates, providers, agents, count, first_sequence, now):
    """Each clone's rows, as (table, row), the oldest number first."""
    chance = random.Random(4)
    sequence = first_sequence
    total = first_sequence + sum(
        templates[(providers[i % PROVIDERS][2], i % UNASSIGNED_EACH != 0)].event_count
        for i in range(count))
    for index in range(count):
        provider, account, region = providers[index % PROVIDERS]
        is_assigned = index % UNASSIGNED_EACH != 0
        template = templates[(region, is_assigned)]
        created = now - SPAN + SPAN * index // count
        shift = created - template.create_time
        words = {
            "number": "pn_" + hex_id(chance, created), "e164": f"+1{2000000000 + index * 7}",
            "sid": f"PN{chance.getrandbits(128):032x}", "provider": provider, "account": account,
            "agent": agents[chance.randrange(AGENTS)]}
        for moment in template.times:
            words[str(moment)] = str(moment + shift)
        for word in template.own:
            kind, underscore, _ = word.partition("_")
            words[word] = (kind + "_" + hex_id(chance, created) if underscore
                           else f"{chance.getrandbits(128):032x}")
        state = ("corrupted" if index % CORRUPTED_EACH == 7 else
                 "degraded" if index % DEGRADED_EACH == 3 else "active")
        event = 0
        for pattern in template.patterns:
            if pattern.age_max is not None and now - created > pattern.age_max:
                continue
            row = pattern.clone(words, shift)
            if pattern.is_event:
                event += 1
                row[pattern.sequence] = sequence + event
                if row[pattern.sequence] <= total - EVENTS_MAX:
                    continue
            elif pattern.sequence is not None:
                row[pattern.sequence] = sequence + template.event_count
            if state != "active" and pattern.table in ("phone_numbers", "routes"):
                row = [with_state(value, state) for value in row]
            yield pattern.table, row
        sequence += template.event_count


def with_state(value, state):
    if value == "active":
        return state
    if isinstance(value, bytes):
        for before, after in ((b'"state":"active"', b'"state":"%s"'), (b"\x1factive\x1f", b"\x1f%s\x1f")):
            value = value.replace(before, after % state.encode())
    return value


def fill(path, numbers, providers, agents, count):
    """Clones what is in the file at `path`."""
    database = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000",
                    "temp_store = MEMORY"):
        database.execute(f"PRAGMA {setting}")
    times = dict(database.execute("SELECT id, create_time FROM phone_numbers"))
    for number in numbers:
        number["create_time"] = times[number["id"]]
    templates = {(number["region"], bool(number["agent"])): Template(database, number)
                 for number in numbers}
    first, = database.execute("SELECT latest FROM change_feed").fetchone()
    indexes = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    database.execute("BEGIN")
    waiting, last = {}, first
    now = int(time.time() * 1_000_000)
    sequence_of = {pattern.table: pattern.sequence for template in templates.values()
                   for pattern in template.patterns if pattern.sequence is not None}

    def write(table, rows):
        holes = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({holes})", rows)
        rows.clear()

    for table, row in clones(templates, providers, agents, count, first, now):
        rows = waiting.setdefault(table, [])
        rows.append(row)
        if table in sequence_of:
            last = max(last, row[sequence_of[table]])
        if len(rows) >= BATCH:
            write(table, rows)
    for table, rows in waiting.items():
        if rows:
            write(table, rows)
    pruned = max(last - EVENTS_MAX, 0)
    database.execute("DELETE FROM events WHERE sequence <= ?", (pruned,))
    database.execute(
        "UPDATE change_feed SET latest = ?, events_pruned_through = ?", (last, pruned))
    database.execute("UPDATE tenant_counts SET total = total + ? WHERE kind = 'number'", (count,))
    for _, text in indexes:
        database.execute(text)
    database.execute("COMMIT")
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    add_checksums(path)


def add_checksums(path):
    """Ends each page with its checksum, as the server does (CheckedPages.swift) and refuses one
    without: many pages at a time, word by word."""
    import numpy

    with path.open("r+b") as file:
        header = file.read(100)
        if header[20] != 8:
            return
        size = int.from_bytes(header[16:18], "big")
        for offset in range(0, path.stat().st_size, size * BATCH):
            file.seek(offset)
            pages = numpy.fromfile(file, "<u8", BATCH * size // 8).reshape(-1, size // 8)
            offsets = offset + size * numpy.arange(len(pages), dtype=numpy.uint64)
            sums = numpy.zeros(len(pages), numpy.uint64)
            for words in numpy.ascontiguousarray(pages[:, :-1].T):
                mixed = (sums ^ words) * numpy.uint64(0x9E3779B97F4A7C15)
                sums = mixed << numpy.uint64(31) | mixed >> numpy.uint64(33)
            named = sums ^ offsets * numpy.uint64(0xD6E8FEB86659FD93)
            pages[:, -1] = numpy.where(sums == 0, 0, named)
            file.seek(offset)
            pages.tofile(file)


def copy_to_server(path, server, database):
    """Puts every row of the file into the server's tables, which are there and empty."""
    source = sqlite3.connect(path)
    definitions = server.sql(
        "SELECT replace(indexdef, chr(10), ' ') FROM pg_indexes WHERE schemaname = 'public' AND "
        "indexname NOT IN (SELECT conname FROM pg_constraint)", database).splitlines()
    for text in definitions:
        server.sql(f"DROP INDEX {text.split(' INDEX ')[1].split(' ')[0]}", database)
    for table in tables(source):
        cursor = source.execute(f"SELECT * FROM {table}")
        columns = ", ".join(column[0] for column in cursor.description)
        server.sql(f"TRUNCATE {table}", database)
        server.copy_in(f"COPY {table} ({columns}) FROM STDIN", map(copy_line, cursor), database)
    for text in definitions:
        server.sql(text, database)
    server.sql("VACUUM ANALYZE", database)
    source.close()


def copy_line(row):
    """A row in the text format of COPY."""
    cells = []
    for value in row:
        if value is None:
            cells.append("\\N")
        elif isinstance(value, bytes):
            cells.append("\\\\x" + value.hex())
        elif isinstance(value, int):
            cells.append(str(value))
        else:
            cells.append(value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n"))
    return "\t".join(cells) + "\n"


def prepare(count, make_server):
    """The data, made anew unless it is there; answers what is in it.

    `make_server(folder)` gives a server that is running, with an empty database `registry` in which
    the tables are."""
    note = FOLDER / "made.json"
    if note.exists():
        made = json.loads(note.read_text())
        if made["stamp"] == stamp(count):
            return made
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    begun = time.monotonic()
    numbers, providers, agents = seed(FOLDER)
    path = FOLDER / "data" / "registry.db"
    fill(path, numbers, providers, agents, count)
    print(f"bench: SQLite has {count} numbers after {time.monotonic() - begun:.0f} s", file=sys.stderr)
    with make_server(FOLDER / "postgres") as server:
        copy_to_server(path, server, "registry")
    print(f"bench: PostgreSQL has them after {time.monotonic() - begun:.0f} s", file=sys.stderr)
    made = {"stamp": stamp(count), "count": count, "agents": agents,
            "providers": [provider for provider, _, _ in providers],
            "numbers": [number["id"] for number in numbers],
            "seconds": round(time.monotonic() - begun)}
    note.write_text(json.dumps(made) + "\n")
    return made
