"""kill -9 at random moments during imports, deletions and calls, then a start on the same data folder.

Afterwards every acknowledged write is there, no call was dialled twice, and the carrier holds nothing
of ours that the registry does not know. TRUNKLINE_CRASHES says how many moments, TRUNKLINE_SEED
repeats them.
"""

import os
import random
import threading
import time

import grpc
import pytest

import harness
import world as worlds
from harness import wait_until
from world import Refusal, request_id

CRASHES = int(os.environ.get("TRUNKLINE_CRASHES", "50"))
# The moment of each crash, in seconds after the work began; the work takes about as long.
MOMENT_MAX = 0.8
SETTLE_MAX = 90
# What a crash or the start after it answers; the request may have been carried out or not.
MAYBE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)


class Ledger:
    """What the server acknowledged, and what it may have done besides. Guarded by its lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.imported = {}
        self.deleted = set()
        self.uncertain = set()
        self.calls = {}
        self.agents = set()

    def note(self, change):
        with self.lock:
            change(self)


class Worker(threading.Thread):
    """Imports, assigns, deletes and calls until the server is gone. Keeps what was acknowledged."""

    def __init__(self, world, ledger, provider, numbers, caller, seed):
        super().__init__(daemon=True)
        self.world, self.ledger, self.provider = world, ledger, provider
        self.numbers, self.caller = numbers, caller
        self.random = random.Random(seed)
        self.failure = None

    def run(self):
        try:
            for e164 in self.numbers:
                self.one(e164)
        except grpc.RpcError as error:
            if error.code() not in MAYBE:
                self.failure = Refusal(error)

    def one(self, e164):
        world, ledger = self.world, self.ledger
        ledger.note(lambda it: it.uncertain.add(e164))
        number = world.import_number(self.provider, e164)
        ledger.note(lambda it: (it.imported.update({e164: number.id}), it.uncertain.discard(e164)))
        agent = world.agent()
        ledger.note(lambda it: it.agents.add(agent.id))
        to = world.fresh_far_end()
        ledger.note(lambda it: it.calls.update({to: None}))
        placed = world.place(self.caller, to, request_id=request_id())[0].call
        ledger.note(lambda it: it.calls.update({to: placed.id}))
        if self.random.random() < 0.6:
            ledger.note(lambda it: (it.imported.pop(e164), it.uncertain.add(e164)))
            world.delete_number(number)
            ledger.note(lambda it: (it.deleted.add(e164), it.uncertain.discard(e164)))


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("kill9")) as world:
        world.sim.control("POST", "/settings", {"calls_per_second": 0})
        yield world


def test_kill_nine(world):
    seed = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
    chance = random.Random(seed)
    print(f"TRUNKLINE_SEED={seed} TRUNKLINE_CRASHES={CRASHES}")
    account = world.account()
    providers = [world.provider(account, region) for region in ("us1", "ie1")]
    caller = world.number_of()
    warm_up(world, caller)
    ledger = Ledger()
    for _ in range(CRASHES):
        fresh = [
            [world.carrier_number(account)["phone_number"] for _ in range(12)] for _ in providers
        ]
        workers = [
            Worker(world, ledger, provider, numbers, caller, chance.random())
            for provider, numbers in zip(providers, fresh, strict=True)
        ]
        for worker in workers:
            worker.start()
        # The moment of the crash is the point: it is chosen at random, and nothing waits for it.
        time.sleep(chance.uniform(0.02, MOMENT_MAX))
        world.server.kill()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive() and worker.failure is None, worker.failure
        world.server.start()
        world.connect()
        dialled_once(world, ledger)
    settle(world)
    every_acknowledged_write(world, ledger)
    dialled_once(world, ledger)
    nothing_unknown_at_the_carrier(world)
    print(
        f"{CRASHES} crashes: {len(ledger.imported)} numbers kept, {len(ledger.deleted)} deleted, "
        f"{len(ledger.uncertain)} uncertain, {len(ledger.calls)} calls asked for"
    )


def warm_up(world, caller):
    to = world.fresh_far_end()

    def placed():
        try:
            return world.place(caller, to)
        except grpc.RpcError:
            return None

    world.wait_for_end(wait_until(placed, "the route")[0].call.id)


def settle(world):
    """Imports and deletions that a crash cut off are finished or undone, and dials are found."""
    v1 = world.v1
    under_way = {v1.PhoneNumber.STATE_PROVISIONING, v1.PhoneNumber.STATE_DELETING}

    def settled():
        return not any(number.state in under_way for number in world.all_numbers())

    def dialled():
        # Callbacks that came while the server was down are lost, so a call may look live for as long
        # as it takes until the server asks; but it was dialled or refused, or its outcome is unknown.
        calls = world.all_calls()
        known = {call.carrier_call_id for call in calls}
        is_found = all(found["sid"] in known for found in world.carrier_calls())
        return is_found and all(
            call.carrier_call_id or call.outcome_unknown or world.state_of(call) in worlds.TERMINAL
            for call in calls
        )

    wait_until(settled, "no number is being imported or deleted", SETTLE_MAX)
    wait_until(dialled, "every call is dialled, or of unknown outcome", SETTLE_MAX)


def every_acknowledged_write(world, ledger):
    numbers = {number.e164: number for number in world.all_numbers()}
    for e164, id in ledger.imported.items():
        assert e164 in numbers and numbers[e164].id == id, f"an import is lost: {id}"
        assert numbers[e164].state == world.v1.PhoneNumber.STATE_ACTIVE
    for e164 in ledger.deleted:
        assert e164 not in numbers, "a deleted number is back"
    agents = {agent.id for agent in world.all_agents()}
    assert ledger.agents <= agents, "an agent is lost"
    calls = {call.id: call for call in world.all_calls()}
    for to, id in ledger.calls.items():
        assert id is None or (id in calls and calls[id].to == to), f"a call is lost: {id}"


def dialled_once(world, ledger):
    received = world.audit()["posts_received"]
    for to in ledger.calls:
        assert received.get(to, 0) <= 1, f"dialled {received[to]} times"


def nothing_unknown_at_the_carrier(world):
    """Each webhook of ours and each route belongs to a number that the registry has."""
    audit = world.audit()
    known = {(number.carrier_sid, number.id) for number in world.all_numbers()}
    for entry in audit["configurations"]:
        assert any(
            sid == entry["sid"] and f"/{id}/" in entry["value"] for sid, id in known
        ), f"left at the carrier: {entry['field']} of {entry['sid']} in {entry['region']}"
    kept = {number.carrier_sid for number in world.all_numbers()}
    for route in audit["routes"]:
        if (route.get("voice_region") or "us1") != "us1":
            assert route["sid"] in kept, f"a route is left: {route['sid']}"
    calls = {call.carrier_call_id for call in world.all_calls()}
    for sid in (call["sid"] for call in world.carrier_calls()):
        assert sid in calls, f"the carrier has a call that we do not know: {sid}"
    assert audit["numbers_released"] == []
