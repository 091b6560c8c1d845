"""Who placed and ended calls: the entries of the audit log, with registry and dispatch dying meanwhile."""

import collections
import random
import time
import types

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from test_split import answered, leases_kept, make_token
from world import ANSWER_MAX, request_id

SERVING = "trunkline.v1.CallDispatchService"
# A dispatch tells an entry again 15 s after the last try at the latest.
TOLD_MAX = 60


@pytest.fixture(params=["sqlite", "postgres"])
def split(request, stubs, sim, start_server, tmp_path):
    """A registry and a dispatch, each with files of its own or both on one PostgreSQL."""
    shared = {
        "keyring": tmp_path / "keyring", "webhook_address": f"127.0.0.1:{harness.free_port()}",
    }  # fmt: skip
    database = None
    if request.param == "postgres":
        database = postgres.Server(tmp_path / "pg").__enter__()
        request.addfinalizer(lambda: database.__exit__(None, None, None))
        database.make_database("trunkline")
        shared["arguments"] = [f"--database={database.url('trunkline')}"]
    registry = start_server("registry", roles="registry", **shared)
    dispatch = start_server(
        "dispatch", roles="dispatch", registry=registry.address, wait=False, **shared
    )
    wait_for_dispatch(dispatch)
    world = worlds.World(stubs, sim, registry, dispatch)
    yield types.SimpleNamespace(world=world, registry=registry, dispatch=dispatch)
    world.close()
    # Before its database.
    dispatch.stop()
    registry.stop()


def wait_for_dispatch(dispatch):
    wait_until(
        lambda: dispatch.check_running() and harness.is_serving(dispatch.address, SERVING),
        "the dispatch",
    )


def entries(world, **filters):
    """The log's entries of calls, oldest first."""
    found, token = [], ""
    while True:
        request = world.v1.ListAuditEventsRequest(
            resource_type="call", page_size=200, page_token=token, **filters)
        answer = world.audit_log.ListAuditEvents(request, timeout=ANSWER_MAX)
        found += answer.events
        token = answer.next_page_token
        if not token:
            return found[::-1]


def entries_once(world, expected):
    """The entries, once there are those of `expected`, (action, call id), and each is there once."""

    def there():
        found = entries(world)
        return found if len(found) >= len(expected) else None

    found = wait_until(there, f"{len(expected)} entries", TOLD_MAX)
    told = collections.Counter((entry.action, entry.resource_id) for entry in found)
    assert told == collections.Counter(expected)
    return found


def changes(entry):
    return {change.field: (change.old_value, change.new_value) for change in entry.changes}


def hang_up(world, call, calls=None):
    request = world.v1.HangUpCallRequest(id=call.id)
    return (calls or world.calls).HangUpCall(request, timeout=ANSWER_MAX).call


def test_who_places_and_ends_calls(split):
    world = split.world
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    made = make_token(world, scopes=["calls:place", "calls:control"])
    agent = world.number(number.id).agent_id
    long = {"hang_up_after_ms": 60_000}
    first, second = world.fresh_far_end(**long), world.fresh_far_end(**long)
    request = world.v1.PlaceCallsRequest(
        from_number_id=number.id, request_id=request_id(),
        outbound_calls=[
            world.v1.OutboundCall(to_number=to, metadata={"card": "4111-secret"})
            for to in (first, "no number", second)
        ],
    )  # fmt: skip
    with split.dispatch.bare_channel() as channel:
        stub = world.v1.CallDispatchServiceStub(channel)
        shown = [("authorization", f"Bearer {made.token_text}")]

        def usable():
            try:
                return stub.PlaceCalls(request, timeout=ANSWER_MAX, metadata=shown)
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
                return None

        # A repeat is the same request, and no second entry.
        results = wait_until(usable, "the token is known").results
        stub.PlaceCalls(request, timeout=ANSWER_MAX, metadata=shown)
    placed = [result.call for result in results if result.HasField("call")]
    assert len(placed) == 2
    found = entries_once(world, [("place", call.id) for call in placed])
    for entry, call, to in zip(found, placed, (first, second), strict=True):
        assert entry.principal == f"token:{made.token.id}" and entry.resource_id == call.id
        assert entry.peer.startswith("ipv4:127.0.0.1:")
        assert entry.method == "trunkline.v1.CallDispatchService/PlaceCalls"
        told = changes(entry)
        assert told["to"] == ("", to) and told["from"] == ("", number.e164)
        assert told["region"] == ("", "us1") and told["agent_id"] == ("", agent)
        assert "4111-secret" not in str(entry) and made.token_text not in str(entry)
        assert abs(entry.time.ToMicroseconds() - call.create_time.ToMicroseconds()) < 1000

    # Ended twice, by the administrator: one entry. A call that came in has one, too.
    world.wait_for_state(placed[0].id, "STATE_IN_PROGRESS")
    hang_up(world, placed[0])
    hang_up(world, placed[0])
    inbound = world.inbound_call(world.call_in(number.e164, hang_up_after_ms=60_000))
    hang_up(world, inbound)
    expected = [("place", call.id) for call in placed]
    found = entries_once(world, expected + [("hang_up", placed[0].id), ("hang_up", inbound.id)])
    ended = found[2]
    told = changes(ended)
    assert told["state"][0] == "in_progress" and told["to"] == (first, first)
    assert ended.method == "trunkline.v1.CallDispatchService/HangUpCall"
    assert ended.principal != f"token:{made.token.id}"

    # The calls' own ends, and ours at the carrier, are nobody's doing.
    world.sim.control("POST", "/far-ends", {"to": second, "outcome": "answer", "hang_up_after_ms": 50})
    listed = harness.run_cli(
        "audit", "ls", "--resource", placed[0].id, address=split.registry.address
    )
    assert listed.returncode == 0, listed.stderr
    assert "hang_up" in listed.stdout and f"to: {first}" in listed.stdout
    only = entries(world, action="hang_up", resource_id=inbound.id)
    assert [entry.resource_id for entry in only] == [inbound.id]


def test_entries_wait_for_their_registry(split):
    world, registry, dispatch = split.world, split.registry, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    wait_until(lambda: leases_kept(dispatch) == 1, "the provider's credentials are kept")
    expected = [("place", world.place(number, world.fresh_far_end())[0].call.id)]
    entries_once(world, expected)

    registry.kill()
    long = world.fresh_far_end(hang_up_after_ms=600_000)
    placed = [result.call for result in world.place(number, long, world.fresh_far_end())]
    expected += [("place", call.id) for call in placed]
    world.wait_for_state(placed[0].id, "STATE_IN_PROGRESS")
    hang_up(world, placed[0])
    expected.append(("hang_up", placed[0].id))
    # The dispatch dies with what it has not told.
    dispatch.kill()
    dispatch.start(wait=False)
    wait_for_dispatch(dispatch)
    world.connect()
    call = world.place(number, world.fresh_far_end())[0].call
    expected.append(("place", call.id))
    before = time.time()
    registry.start()
    world.connect()
    for entry in entries_once(world, expected):
        # When it happened, not when it was told.
        assert entry.time.ToMicroseconds() < before * 1_000_000


def test_each_call_has_its_entry_whenever_the_dispatch_dies(split):
    world, dispatch = split.world, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    moments = random.Random(4)
    for _ in range(4):
        end = time.monotonic() + moments.random() / 2
        while time.monotonic() < end:
            world.place(number, world.fresh_far_end(), world.fresh_far_end())
        dispatch.kill()
        dispatch.start(wait=False)
        wait_for_dispatch(dispatch)
        world.connect()
    calls = [c for c in world.all_calls() if c.direction == world.v1.Call.DIRECTION_OUTBOUND]
    assert calls
    entries_once(world, [("place", call.id) for call in calls])
