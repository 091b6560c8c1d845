"""PostgreSQL fails while clients write: its primary is lost, its network is cut, its disk is full.

Each time no acknowledged write is missing, nothing is half-written, clients are told nothing but what
may be repeated, calls end at their deadlines, and the service is whole again by itself.

TRUNKLINE_FAILOVERS=N makes it N rounds of each instead of one. TRUNKLINE_SEED repeats what clients do.
"""

import contextlib
import os
import threading
import time

import grpc
import pytest

import harness
import load as loads
import postgres
import world as worlds

ROUNDS = int(os.environ.get("TRUNKLINE_FAILOVERS", "1"))
SEED = int(os.environ["TRUNKLINE_SEED"]) if "TRUNKLINE_SEED" in os.environ else None
# From the loss of the primary until every client writes again, in seconds.
BACK_MAX = 10
# What was being written at the carrier when the database was lost is gone on with within this time.
SETTLE_MAX = 60


class Importer(threading.Thread):
    """Links providers, imports numbers and deletes some: work that goes on at the carrier."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world = world
        self.stopping = threading.Event()
        self.imported = {}
        self.deleted = set()
        self.providers = set()
        self.failures = []
        self.broken = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(worlds.ANSWER_MAX * 2)
        assert not self.is_alive(), "an import does not end"
        if self.broken is not None:
            raise self.broken

    def run(self):
        try:
            while not self.stopping.is_set():
                try:
                    self.turn()
                except grpc.RpcError as error:
                    self.failures.append(worlds.Refusal(error))
                    self.stopping.wait(0.05)
        except BaseException as error:  # noqa: BLE001: told by the test, which joins this thread
            self.broken = error

    def turn(self):
        world = self.world
        account = world.account()
        provider = world.provider(account)
        self.providers.add(provider.id)
        for is_deleted in (False, True):
            held = world.carrier_number(account)
            number = world.import_number(provider, held["phone_number"])
            self.imported[number.id] = held["phone_number"]
            if is_deleted:
                self.imported.pop(number.id)
                world.delete_number(number)
                self.deleted.add(number.id)
            if self.stopping.is_set():
                return

    def check(self):
        """Every acknowledged provider and number is there, and no work at the carrier is left."""
        world = self.world
        for failure in self.failures:
            assert failure.code in loads.RETRYABLE, str(failure)
        assert self.providers <= {provider.id for provider in world.all_providers()}
        under_way = (world.v1.PhoneNumber.STATE_PROVISIONING, world.v1.PhoneNumber.STATE_DELETING)
        worlds.wait_until(
            lambda: not any(number.state in under_way for number in world.all_numbers()),
            "what was begun at the carrier is ended", SETTLE_MAX)  # fmt: skip
        numbers = {number.id: number for number in world.all_numbers()}
        for id in self.imported:
            assert numbers[id].state == world.v1.PhoneNumber.STATE_ACTIVE, id
        assert not self.deleted & set(numbers), "a deleted number is back"
        known = {(number.carrier_sid, number.id) for number in numbers.values()}
        for entry in world.audit()["configurations"]:
            assert any(sid == entry["sid"] and f"/{id}/" in entry["value"] for sid, id in known), (
                f"left at the carrier: {entry['field']} of {entry['sid']}"
            )


@contextlib.contextmanager
def serving(stubs, sim, start_server, url):
    """A server on a database, its World, and clients that write."""
    server = start_server("server", arguments=[f"--database={url}"])
    world = worlds.World(stubs, sim, server)
    with Importer(world) as importer, loads.Load(stubs, server, seed=SEED) as load:
        print(f"TRUNKLINE_SEED={load.seed}")
        load.wait_for_writes(40)
        yield server, world, load, importer
        load.stop()
    check_all(world, load, importer)
    world.close()


def check_all(world, load, importer):
    load.check_failures()
    load.repeat_creations()
    load.check([agent for agent in world.all_agents() if agent.display_name])
    importer.check()
    writes = len(load.acknowledged)
    print(f"{writes} writes, {len(importer.imported)} imports; {load.count_failures()}")


def check_database(primary):
    def query(sql):
        return [line.split("|") for line in primary.sql(sql, "registry").splitlines()]

    loads.check_agreement(query)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_the_primary_is_lost_and_its_standby_takes_over(round, stubs, sim, start_server, tmp_path):
    with postgres.Server(tmp_path / "primary") as primary:
        primary.make_database()
        standby = primary.make_standby(tmp_path / "standby")
        try:
            url = postgres.several_hosts(primary, standby)
            with serving(stubs, sim, start_server, url) as (server, world, load, importer):
                number = world.number_of()
                killed = time.monotonic()
                primary.kill()
                standby.promote()
                promoted = time.monotonic()
                load.wait_for_writes(40, since=promoted, seconds=60)
                worlds.wait_until(
                    lambda: all(c.acknowledged[-1] > promoted for c in load.clients),
                    "every client writes again")
                gap = load.gap_after(promoted)
                print(f"promoted after {promoted - killed:.1f} s, all write {gap:.1f} s later")
                assert load.gap_after(killed) < BACK_MAX
                # Changes find their way to the dispatch again.
                world.assign(number, world.agent(url="wss://agent.example/new", display_name=""))
                worlds.wait_until(
                    lambda: answers_with(world, number, "wss://agent.example/new"), "the new route",
                    worlds.ANSWER_MAX)  # fmt: skip
            assert load.failures, "nobody noticed"
            check_database(standby)
        finally:
            standby.remove()


def answers_with(world, number, url):
    verb = world.call_in(number.e164)["twiml"][0]
    return verb["verb"] == "Connect" and verb["children"][0]["attributes"]["url"] == url


@pytest.mark.parametrize("round", range(ROUNDS))
def test_the_network_is_cut_and_healed(round, stubs, sim, start_server, tmp_path):
    with postgres.Server(tmp_path / "server-pg") as primary, postgres.Proxy(primary.port) as network:
        primary.make_database()
        url = primary.url("registry", port=network.port, connect_timeout=2)
        with serving(stubs, sim, start_server, url) as (server, world, load, importer):
            # Packets that are lost without a word, then connections that are refused.
            for way in (network.cut, network.refuse):
                cut = time.monotonic()
                way()
                everyone_fails(load, cut)
                healed = time.monotonic()
                network.heal()
                load.wait_for_writes(20, since=healed, seconds=60)
                worlds.wait_until(
                    lambda: all(c.acknowledged[-1] > healed for c in load.clients),
                    "every client writes again")
                print(f"{way.__name__}: all write again after {load.gap_after(healed):.1f} s")
                assert load.gap_after(healed) < BACK_MAX
            assert server.is_running
        check_database(primary)


def everyone_fails(load, since):
    """Each client is told that the store is away; so no call hangs."""
    worlds.wait_until(
        lambda: all(any(f.at > since for f in client.failures) for client in load.clients),
        "every client is told", 30)  # fmt: skip


@pytest.mark.parametrize("round", range(ROUNDS))
@pytest.mark.parametrize("wal_has_room", [True, False], ids=["tables", "log"])
def test_the_disk_of_the_database_is_full(round, wal_has_room, stubs, sim, start_server, tmp_path):
    if not postgres.can_make_disks(tmp_path):
        pytest.skip("small disks can't be mounted here")
    settings = ["autovacuum = off", "max_wal_size = 8MB", "min_wal_size = 2MB"]
    with postgres.Server(
        tmp_path / "server-pg", settings, disk_megabytes=128, wal_has_room=wal_has_room
    ) as primary:
        primary.make_database()
        url = primary.url("registry", connect_timeout=2)
        with serving(stubs, sim, start_server, url) as (server, world, load, importer):
            full = time.monotonic()
            primary.fill_disk()
            everyone_fails(load, full)
            if wal_has_room:
                # The database goes on, and says why it does not write.
                worlds.wait_until(
                    lambda: any("disk is full" in failure.message for failure in load.failures),
                    "the cause is told", 30)  # fmt: skip
                assert world.all_agents(), "reads go on"
            primary.free_disk()
            freed = time.monotonic()
            if not primary.is_running:
                primary.start()
            load.wait_for_writes(20, since=freed, seconds=60)
            assert server.is_running
        check_database(primary)
