"""Files of SQLite that were damaged: what is true is served, or the server says what is the matter.

TRUNKLINE_DAMAGES says how many pages of each file are damaged at random, TRUNKLINE_SEED repeats them.
"""

import contextlib
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess

import grpc
import pytest

import harness
import world as worlds

DAMAGES = int(os.environ.get("TRUNKLINE_DAMAGES", "4"))
PAGE = 4096


@pytest.fixture
def chance():
    seed = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"TRUNKLINE_SEED={seed}")
    return random.Random(seed)


class Specimen:
    """A data folder with everything in it, what a server says of it, and damaged copies of it."""

    def __init__(self, stubs, sim, server):
        self.stubs, self.sim, self.server = stubs, sim, server
        self.pristine = server.folder / "pristine"
        world = worlds.World(stubs, sim, server)
        number = world.number_of()
        world.number_of(region="ie1")
        self.e164 = number.e164
        for index in range(40):
            world.agent(id=f"agent-{index}", display_name=f"Agent {index} " + "x" * 100)
        for _ in range(5):
            world.wait_for_end(world.place(number, world.fresh_far_end())[0].call.id)
        self.truth = self.read(world)
        world.close()
        assert server.stop() == 0
        shutil.copytree(server.data_dir, self.pristine)

    def readers(self, world):
        v1 = world.v1
        for agent in range(40):
            yield f"agent-{agent}", lambda id=f"agent-{agent}": world.agents.GetAgent(
                v1.GetAgentRequest(id=id), timeout=worlds.ANSWER_MAX)
        yield "agents", world.all_agents
        yield "numbers", world.all_numbers
        yield "providers", world.all_providers
        yield "calls", world.all_calls
        yield "tokens", lambda: [self.settled(token) for token in world.all_tokens()]
        yield "audit", lambda: world._all(
            world.audit_log.ListAuditEvents, v1.ListAuditEventsRequest, "events")

    @staticmethod
    def settled(token):
        token.ClearField("last_use_time")
        return token

    def read(self, world):
        return {name: str(reader()) for name, reader in self.readers(world)}

    def restore(self):
        shutil.rmtree(self.server.data_dir)
        shutil.copytree(self.pristine, self.server.data_dir)
        self.server.log.write_text("")

    def check(self, what):
        """It serves what is true, or says what is the matter. Answers whether anybody was told."""
        server = self.server
        server.start(wait=False)
        worlds.wait_until(
            lambda: server.popen.poll() is not None or harness.is_serving(server.address), what)
        if server.popen.poll() is not None:
            assert server.popen.poll() == 70, f"{what}: {server.output()}"
            assert "backup" in server.output(), f"{what}: {server.output()}"
            server.kill()
            return True
        world = worlds.World(self.stubs, self.sim, server)
        told = False
        for name, reader in self.readers(world):
            try:
                answer = str(reader())
            except grpc.RpcError as error:
                refused = worlds.Refusal(error)
                assert refused.code == grpc.StatusCode.DATA_LOSS, f"{what}, {name}: {refused}"
                assert "backup" in refused.message and ".db" in refused.message, refused.message
                told = True
            else:
                assert answer == self.truth[name], f"{what}: {name} is served as it never was"
        assert server.is_running, f"{what}: {server.output()}"
        world.close()
        server.kill()
        return told


@pytest.fixture
def specimen(stubs, sim, server):
    return Specimen(stubs, sim, server)


def flip(path, chance, count=1):
    """Flips bits of some bytes in one page; answers where."""
    content = bytearray(path.read_bytes())
    page = chance.randrange(len(content) // PAGE)
    places = [page * PAGE + chance.randrange(PAGE) for _ in range(count)]
    for place in places:
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return f"bytes {places} of {path.name}"


def test_damaged_pages_are_not_served(specimen, chance):
    told = 0
    for name in ("registry.db", "calls.db"):
        for _ in range(DAMAGES):
            specimen.restore()
            what = flip(specimen.server.data_dir / name, chance, count=chance.choice((1, 1, 8)))
            told += specimen.check(what)
    print(f"{told} of {2 * DAMAGES} damages met a reader")
    # A page that everybody reads.
    for name in ("registry.db", "calls.db"):
        specimen.restore()
        path = specimen.server.data_dir / name
        content = bytearray(path.read_bytes())
        content[PAGE // 2] ^= 1
        path.write_bytes(content)
        specimen.server.ends_with(str(path), "is damaged", "trunklined backup")


def test_a_damaged_text_is_not_served(specimen):
    """A bit of a name: every structure of the file is whole, and the text can be read."""
    specimen.restore()
    path = specimen.server.data_dir / "registry.db"
    content = path.read_bytes()
    assert b"Agent 17 xx" in content
    path.write_bytes(content.replace(b"Agent 17 xx", b"Agent 17 xy"))
    assert specimen.check("a changed name")


def test_files_that_are_empty_or_cut(specimen):
    for name in ("registry.db", "calls.db"):
        path = specimen.server.data_dir / name
        specimen.restore()
        path.write_bytes(b"")
        specimen.server.ends_with(str(path), f"{name} is empty", "trunklined backup")
        specimen.restore()
        path.write_bytes(b"no database " * 1000)
        specimen.server.ends_with(str(path), "trunklined backup")
        specimen.restore()
        path.write_bytes(path.read_bytes()[: PAGE * 3])
        specimen.check(f"{name} was cut")


def test_a_cut_log_is_not_overlooked(stubs, specimen, chance):
    """The write-ahead log holds acknowledged writes after kill -9; a part of it is gone."""
    server = specimen.server
    specimen.restore()
    server.start()
    world = worlds.World(stubs, specimen.sim, server)
    for index in range(20):
        world.agent(id=f"late-{index}", display_name=f"Late {index}")
    world.close()
    server.kill()
    kept = server.folder / "killed"
    shutil.copytree(server.data_dir, kept)
    log = server.data_dir / "registry.db-wal"
    size = log.stat().st_size
    assert size > 20 * PAGE

    def damaged(change):
        shutil.rmtree(server.data_dir)
        shutil.copytree(kept, server.data_dir)
        change()
        # It stays so: a second start does not overlook it, either.
        for _ in range(2):
            server.ends_with("registry.db-wal", "acknowledged", "trunklined backup")

    damaged(lambda: os.truncate(log, chance.randrange(size - PAGE)))
    damaged(lambda: os.truncate(log, 0))
    damaged(log.unlink)
    at = chance.randrange(32, size // 2)
    damaged(lambda: write_at(log, at, bytes([log.read_bytes()[at] ^ 1])))

    # The same without the log's index, which does not outlive a move to another machine.
    def without_index():
        write_at(log, at, bytes([log.read_bytes()[at] ^ 1]))
        (server.data_dir / "registry.db-shm").unlink()

    damaged(without_index)
    # As it was left, all is there.
    shutil.rmtree(server.data_dir)
    shutil.copytree(kept, server.data_dir)
    server.start()
    world = worlds.World(stubs, specimen.sim, server)
    assert {f"late-{index}" for index in range(20)} <= {agent.id for agent in world.all_agents()}
    world.close()


def write_at(path, offset, content):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def test_a_damaged_copy_of_the_routes_is_made_anew(stubs, specimen, chance):
    """routes.db is a copy: with the registry beside it, calls are answered whatever it holds."""
    server = specimen.server
    damages = [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database " * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:PAGE]),
        *[lambda path: flip(path, chance, count=8)] * DAMAGES,
    ]
    for damage in damages:
        specimen.restore()
        damage(server.data_dir / "routes.db")
        server.start()
        world = worlds.World(stubs, specimen.sim, server)
        worlds.wait_until(
            lambda: [verb["verb"] for verb in world.call_in(specimen.e164)["twiml"]] == ["Connect"],
            "the call is answered")  # fmt: skip
        assert str(world.all_numbers()) == specimen.truth["numbers"]
        world.close()
        server.kill()


def test_what_another_program_wrote_is_taken_when_asked(stubs, specimen):
    """Programs that know nothing of our checksums leave pages that look damaged."""
    server = specimen.server
    specimen.restore()
    with contextlib.closing(sqlite3.connect(server.data_dir / "registry.db")) as database:
        database.execute("UPDATE agents SET create_time = create_time + 1")
        database.commit()
    assert specimen.check("written by another program")
    copy = server.folder / "copy"
    command = [harness.program("trunklined"), "backup", f"--data-dir={server.data_dir}"]
    refused = subprocess.run([*command, server.folder / "none"], capture_output=True, text=True, check=False)
    assert refused.returncode == 70 and "is damaged" in refused.stderr, refused.stderr
    done = subprocess.run([*command, "--unchecked", copy], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in copy.iterdir():
        shutil.copy(path, server.data_dir / path.name)
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{server.data_dir / path.name}{suffix}").unlink(missing_ok=True)
    server.start()
    world = worlds.World(stubs, specimen.sim, server)
    assert len(world.all_agents()) == specimen.truth["agents"].count('display_name: "Agent ') + 2
    world.close()


def test_a_file_of_before_checksums_is_served(stubs, specimen):
    server = specimen.server
    specimen.restore()
    path = server.data_dir / "registry.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        script = "\n".join(database.iterdump())
        version = database.execute("PRAGMA user_version").fetchone()[0]
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(f"{script}\nPRAGMA user_version = {version}")
    assert path.read_bytes()[20] == 0
    for _ in range(2):
        server.start()
        world = worlds.World(stubs, specimen.sim, server)
        assert str(world.all_numbers()) == specimen.truth["numbers"]
        world.agent()
        world.close()
        server.kill()
