"""SQLite under kill -9, on a full disk, and in a folder that can't be written.

Every acknowledged write is there afterwards, and what can't be served says why. (test_kill9.py does the
same over imports and calls; test_damage.py is about files that were damaged.)

TRUNKLINE_KILLS says how many moments, TRUNKLINE_SEED repeats the choices.
"""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import time

import grpc
import pytest

import harness
import load as loads
import postgres
import world as worlds

KILLS = int(os.environ.get("TRUNKLINE_KILLS", "12"))
# The moment of each kill, in seconds after the first write of a run was acknowledged.
MOMENT_MAX = 0.3
# After so many kills the server's data is compared with the ledger.
KILLS_PER_CHECK = 50


@pytest.fixture
def chance():
    seed = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"TRUNKLINE_SEED={seed}")
    chance = random.Random(seed)
    chance.seed_of_test = seed
    return chance


def check_agreement(folder, scratch):
    """What a copy of the files says: another program than the server never opens the files themselves."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(folder, scratch)
    with contextlib.closing(sqlite3.connect(scratch / "registry.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        loads.check_agreement(lambda sql: [list(map(str, row)) for row in database.execute(sql)])


def test_kill_nine_at_random_moments(stubs, tmp_path, chance):
    server = harness.Trunklined(tmp_path / "server").start()
    began = time.monotonic()
    try:
        with loads.Load(stubs, server, seed=chance.seed_of_test) as load:
            for number in range(1, KILLS + 1):
                load.wait_for_writes(1, since=time.monotonic(), seconds=60)
                # The moment of the kill is the point: it is chosen at random, and nothing waits for it.
                time.sleep(chance.uniform(0, MOMENT_MAX))
                server.kill()
                if number % KILLS_PER_CHECK == 0 or number == KILLS:
                    check_agreement(server.data_dir, tmp_path / "copy")
                server.start()
            load.wait_for_writes(10, since=time.monotonic(), seconds=60)
        load.check_failures()
        load.repeat_creations()
        world = worlds.World(stubs, None, server)
        load.check(world.all_agents())
        world.close()
    finally:
        server.stop()
    check_agreement(server.data_dir, tmp_path / "copy")
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(load.acknowledged)} writes, "
        f"{load.count_failures()}"
    )


def test_the_disk_is_full(stubs, sim, tmp_path):
    if not postgres.can_make_disks(tmp_path):
        pytest.skip("small disks can't be mounted here")
    server = harness.Trunklined(tmp_path / "server", sim)
    server.data_dir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", server.data_dir], check=True)
    ballast = server.data_dir / "ballast"
    try:
        server.start()
        world = worlds.World(stubs, sim, server)
        number = world.number_of()
        with loads.Load(stubs, server) as load:
            load.wait_for_writes(20)
            fill(ballast)
            worlds.wait_until(
                lambda: any("disk" in failure.message for failure in load.failures), "the cause is told")
            full = time.monotonic()
            everyone_fails(load, full)
            # What is stored is served, and calls that come in are answered.
            assert world.number(number.id).e164 == number.e164
            assert world.call_in(number.e164)["twiml"][0]["verb"] == "Connect"
            # A restart on a full disk either serves what there is, or says what is the matter.
            server.kill()
            server.start(wait=False)
            worlds.wait_until(
                lambda: server.popen.poll() is not None or harness.is_serving(server.address),
                "it serves or ends")  # fmt: skip
            if server.popen.poll() is not None:
                assert server.popen.poll() == 70
                assert "no space is left on the disk" in server.output()
            server.kill()
            ballast.unlink()
            server.start()
            load.wait_for_writes(20, since=time.monotonic())
            # It fills up and gets room again while the server goes on.
            fill(ballast)
            everyone_fails(load, time.monotonic())
            ballast.unlink()
            load.wait_for_writes(20, since=time.monotonic())
        load.check_failures()
        assert {f.reason for f in load.failures if f.code == grpc.StatusCode.UNAVAILABLE and f.reason} == {
            "STORE_UNAVAILABLE"
        }
        load.repeat_creations()
        load.check([agent for agent in world.all_agents() if agent.display_name])
        print(load.count_failures())
        world.close()
        server.stop()
        check_agreement(server.data_dir, tmp_path / "copy")
    finally:
        server.kill()
        subprocess.run(["umount", "-l", server.data_dir], check=True)


def fill(path):
    """Leaves no byte free."""
    with path.open("ab", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(b"\0" * size)


def everyone_fails(load, since):
    worlds.wait_until(
        lambda: all(any(f.at > since for f in client.failures) for client in load.clients),
        "every client is told", 30)  # fmt: skip


@pytest.fixture
def as_nobody(tmp_path):
    """Lets a server run without rights: as another user where the tests are root."""
    parent = tmp_path
    while os.geteuid() == 0 and parent != parent.parent and parent.stat().st_uid == 0:
        parent.chmod(parent.stat().st_mode | 0o011)
        parent = parent.parent

    def give(server):
        if os.geteuid() == 0:
            server.wrapper = [
                "setpriv", f"--reuid={postgres.NOBODY}", f"--regid={postgres.NOBODY}", "--clear-groups",
                "--pdeathsig=KILL", "--",
            ]  # fmt: skip
            for path in (server.folder, *server.folder.rglob("*")):
                os.chown(path, postgres.NOBODY, postgres.NOBODY)

    return give


def test_a_folder_that_can_not_be_written(stubs, tmp_path, as_nobody):
    # Not even the folder can be made.
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    server = harness.Trunklined(closed / "server" if os.geteuid() == 0 else tmp_path / "server")
    server.data_dir.mkdir()
    as_nobody(server)
    server.data_dir.chmod(0o555)
    server.ends_with(str(server.data_dir), "Permission denied")

    # One with data.
    server.data_dir.chmod(0o755)
    server.start()
    world = worlds.World(stubs, None, server)
    agent = world.agent()
    world.close()
    assert server.stop() == 0
    files = list(server.data_dir.iterdir())
    for path in files:
        path.chmod(0o400)
    server.data_dir.chmod(0o555)
    server.ends_with(str(server.data_dir), "Permission denied")
    # A file alone.
    server.data_dir.chmod(0o755)
    for path in files:
        path.chmod(0o600)
    (server.data_dir / "registry.db").chmod(0o400)
    server.ends_with(str(server.data_dir / "registry.db"), "may not be written to")
    (server.data_dir / "registry.db").chmod(0o600)
    server.start()
    world = worlds.World(stubs, None, server)
    assert [found.id for found in world.all_agents()] == [agent.id]
    world.close()
    server.stop()
