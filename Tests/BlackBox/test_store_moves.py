"""`trunklined migrate`, `export`, `import` and `backup`, and a deployment that goes from SQLite to PostgreSQL."""

import contextlib
import json
import pathlib
import shutil
import sqlite3
import subprocess
import threading

import grpc
import pytest

import harness
import load as loads
import postgres
import world as worlds


def run(*arguments):
    """Runs trunklined to its end: exit code and what it said."""
    done = subprocess.run(
        [harness.program("trunklined"), *map(str, arguments)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    return done.returncode, done.stdout.decode()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Makes empty databases on a PostgreSQL of this file's own: database() is a URL."""
    with postgres.Server(tmp_path_factory.mktemp("pg") / "server", ["fsync = off"]) as server:
        names = iter(f"moves{number}" for number in range(100))

        def make():
            return server.url(server.make_database(next(names)))

        make.sql = lambda text, url: server.sql(text, url.split("/")[-1].split("?")[0])
        yield make


@pytest.fixture
def world(stubs, sim, server):
    world = worlds.World(stubs, sim, server)
    yield world
    world.close()


def everything(world):
    """All that a tenant sees, each with its etag."""
    return {
        "providers": sorted(map(str, world.all_providers())),
        "numbers": sorted(map(str, world.all_numbers())),
        "agents": sorted(map(str, world.all_agents())),
        "calls": sorted(map(str, world.all_calls())),
    }


def rows(path):
    """The rows of an export, as (table, row)."""
    found, table = set(), None
    for line in pathlib.Path(path).read_text().splitlines():
        line = json.loads(line)
        table = line.get("table", table)
        if "row" in line:
            found.add((table, json.dumps(line["row"], sort_keys=True)))
    return found


def test_a_deployment_goes_from_sqlite_to_postgresql(world, server, start_server, stubs, sim, tmp_path, database):
    number = world.number_of()
    world.number_of(region="ie1", assigned=False)
    to = world.fresh_far_end()
    world.wait_for_end(world.place(number, to)[0].call.id)
    before = everything(world)
    world.close()
    server.stop()

    file = tmp_path / "all.jsonl"
    code, said = run("export", f"--data-dir={server.data_dir}", file)
    assert code == 0, said
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert not [secret for secret in harness.secrets if secret in text]
    url = database()
    code, said = run("import", f"--database={url}", file)
    assert code == 0, said

    # The import is what was exported, and what the server then serves.
    again = tmp_path / "again.jsonl"
    code, said = run("export", f"--database={url}", again)
    assert code == 0, said
    assert rows(again) == rows(file)
    moved_tables = {table for table, _ in rows(file)}
    assert {
        "api_tokens", "audit_events", "events", "routes", "number_claims", "registry_requests",
        "provisioning_journal", "tenant_counts", "calls",
    } <= moved_tables
    moved = start_server(
        "moved", keyring=server.data_dir / "keyring", webhook_address=server.webhook_address,
        arguments=[f"--database={url}"])
    # The tokens moved too: there is no first administrator to make.
    assert not moved.token_file.exists()
    moved.token_file.write_text(server.token)
    there = worlds.World(stubs, sim, moved)
    assert everything(there) == before
    # It works: credentials open, and a number is taken and given back.
    account = there.account()
    held = there.carrier_number(account)
    fresh = there.import_number(there.provider(account), held["phone_number"])
    there.delete_number(fresh)
    there.close()

    code, said = run("import", f"--database={url}", file)
    assert code == 70 and "has data in" in said and "nothing was imported" in said


def test_a_damaged_export_imports_nothing(world, server, tmp_path, database):
    world.number_of()
    world.close()
    file = tmp_path / "all.jsonl"
    code, said = run("export", f"--data-dir={server.data_dir}", file)
    assert code == 0, said
    lines = file.read_text().splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if '"row"' in line and "pn_" in line)
    url = database()
    changed = {
        "damaged": [*lines[:at], lines[at].replace("pn_", "pm_", 1), *lines[at + 1:]],
        "without a row": [*lines[:at], *lines[at + 1:]],
        "without its end": lines[:-1],
    }
    for name, wrong in changed.items():
        bad = tmp_path / f"{name}.jsonl"
        bad.write_text("".join(wrong))
        code, said = run("import", f"--database={url}", bad)
        assert code == 70 and "nothing was imported" in said, (name, said)
        assert database.sql("SELECT count(*) FROM phone_numbers", url) == "0"
    (tmp_path / "other").write_text("hello\n")
    code, said = run("import", f"--database={url}", tmp_path / "other")
    assert code == 70 and "no file of `trunklined export`" in said
    code, said = run("export", f"--data-dir={server.data_dir}", file)
    assert code == 70 and "is there already" in said
    code, said = run("import", f"--database={url}", file)
    assert code == 0, said


def test_migrations_are_told_and_a_newer_schema_is_left_alone(tmp_path, database, start_server):
    url = database()
    code, said = run("migrate", "--dry-run", f"--database={url}")
    assert code == 0 and said.count("would") == 11, said
    assert database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url) == "0"
    code, said = run("export", f"--database={url}", tmp_path / "none.jsonl")
    assert code == 70 and "migrate" in said
    code, said = run("migrate", f"--database={url}")
    assert code == 0 and said.count("now") == 11, said
    code, said = run("migrate", f"--database={url}")
    assert code == 0 and said.count("nothing to do") == 2, said
    database.sql("UPDATE schema_migrations SET version = 99", url)
    for command in (["migrate"], ["migrate", "--dry-run"]):
        code, said = run(*command, f"--database={url}")
        assert code == 70 and "newer version" in said, said
    late = start_server("late", wait=False, arguments=[f"--database={url}"])
    assert late.popen.wait(harness.START_MAX) == 70
    assert "newer version" in late.output()
    code, said = run("migrate", f"--data-dir={tmp_path / 'nothing'}")
    assert code == 70 and "no registry.db" in said


def test_many_that_start_at_once_make_one_schema(tmp_path, database, start_server):
    """On an empty database, and on one where the first of them had just begun."""
    command = [harness.program("trunklined"), "migrate"]
    for is_begun in (False, False, True):
        url = database()
        if is_begun:
            database.sql(
                "CREATE TABLE schema_migrations (component TEXT NOT NULL, version BIGINT NOT NULL,"
                " PRIMARY KEY (component)); INSERT INTO schema_migrations VALUES ('registry', 0)", url)
        starters = [
            subprocess.Popen([*command, f"--database={url}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(4)
        ]
        for starter in starters:
            said = starter.communicate(timeout=harness.START_MAX)[0].decode()
            assert starter.returncode == 0, said
        assert database.sql("SELECT component, version FROM schema_migrations ORDER BY 1", url) == (
            "calls|4\nregistry|7")
        assert database.sql("SELECT count(*), max(latest) FROM change_feed", url) == "1|0"
    # Two servers at once: both serve, and one administrator is made.
    url = database()
    pair = [start_server(f"pair-{n}", wait=False, arguments=[f"--database={url}"]) for n in range(2)]
    for server in pair:
        harness.wait_until(
            lambda server=server: server.check_running() and harness.is_serving(server.address), "it serves")
    assert database.sql("SELECT count(*) FROM api_tokens", url) == "1"


def test_a_database_that_is_not_there_is_a_clear_error(start_server):
    port = harness.free_port()
    url = f"postgres://someone:planted-password@127.0.0.1:{port}/none?connect_timeout=2"
    harness.secrets.add("planted-password")
    lost = start_server("lost", wait=False, arguments=[f"--database={url}"])
    assert lost.popen.wait(60) == 70
    assert "The database can't be used" in lost.output()
    code, said = run("migrate", "--database=mysql://nowhere")
    assert code == 64 and "--database" in said


def test_of_two_first_starts_with_one_file_the_token_that_counts_stays(tmp_path, database, stubs):
    place, url = tmp_path / "admin-token", database()
    processes, addresses = [], []
    try:
        for name in ("one", "two"):
            addresses.append(f"127.0.0.1:{harness.free_port()}")
            command = [str(harness.program("trunklined")), "serve", f"--database={url}"]
            command += [f"--data-dir={tmp_path / name}", f"--admin-token-file={place}"]
            command += [f"--listen={addresses[-1]}", "--webhook-listen=127.0.0.1:0"]
            with (tmp_path / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen(
                    [*command, "--admin-listen=127.0.0.1:0"], stdout=log, stderr=log))
        for address in addresses:
            harness.wait_until(lambda: harness.is_serving(address), "trunklined")
        token = place.read_text().strip()
        harness.secrets.add(token)
        for address in addresses:
            with grpc.insecure_channel(address) as channel:
                stubs.v1.AgentServiceStub(channel).ListAgents(
                    stubs.v1.ListAgentsRequest(), timeout=30,
                    metadata=[("authorization", f"Bearer {token}")])
        assert [path.name for path in tmp_path.glob("admin-token*")] == ["admin-token"]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(harness.STOP_MAX)


def test_a_backup_is_made_while_serving(world, server, start_server, stubs, sim, tmp_path):
    world.number_of()
    agents, stop = [], threading.Event()

    def write():
        while not stop.is_set():
            agents.append(world.agent())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        harness.wait_until(lambda: len(agents) > 5, "writes")
        acknowledged = list(agents)
        copy = tmp_path / "copy" / "data"
        code, said = run("backup", f"--data-dir={server.data_dir}", copy)
    finally:
        stop.set()
        writer.join()
    assert code == 0 and said.count("copied and checked") == 2, said
    code, again = run("backup", f"--data-dir={server.data_dir}", copy)
    assert code == 70 and "is there already" in again
    world.close()
    server.stop()
    shutil.copy(server.data_dir / "keyring", copy / "keyring")
    restored = start_server("copy")
    assert restored.data_dir == copy
    assert not restored.token_file.exists()
    restored.token_file.write_text(server.token)
    there = worlds.World(stubs, sim, restored)
    found = {agent.id for agent in there.all_agents()}
    assert {agent.id for agent in acknowledged} <= found
    assert len(there.all_numbers()) == 1
    there.close()


def test_a_backup_under_load_holds_what_was_acknowledged_before_it_began(server, stubs, sim, start_server, tmp_path):
    with loads.Load(stubs, server) as load:
        load.wait_for_writes(60)
        before = {
            held.id: held.acknowledged for held in load.all_held()
            if held.id and held.deletion is None and held.acknowledged == held.asked
        }
        copy = tmp_path / "copy" / "data"
        code, said = run("backup", f"--data-dir={server.data_dir}", copy)
        assert code == 0 and said.count("copied and checked") == 2, said
        written = len(load.acknowledged)
        load.wait_for_writes(written + 10)
    with contextlib.closing(sqlite3.connect(f"file:{copy}/registry.db?immutable=1", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        loads.check_agreement(lambda sql: [list(map(str, row)) for row in database.execute(sql)])
        deleted = {row[0] for row in database.execute(
            "SELECT resource_id FROM events WHERE kind = 'agent' AND change = 'deleted'")}
        versions = dict(database.execute("SELECT id, version FROM agents"))
    for id, changes in before.items():
        assert id in deleted or versions[id] >= changes + 1, id
    # It serves.
    server.stop()
    shutil.copy(server.data_dir / "keyring", copy / "keyring")
    restored = start_server("copy")
    # The first administrator is in the copy, too.
    restored.token_file.write_text(server.token)
    there = worlds.World(stubs, sim, restored)
    assert {agent.id for agent in there.all_agents()} == set(versions)
    there.close()
