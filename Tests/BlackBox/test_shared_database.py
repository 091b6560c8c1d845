"""Several servers on one PostgreSQL, and what they do while some of them, or the database, are dead."""

import http.client
import http.server
import json
import os
import random
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from test_split import answered, leases_kept
from world import ANSWER_MAX, Refusal, refusal, request_id

# The carrier gives a webhook so long, in seconds.
WEBHOOK_MAX = 15
# A registry takes up another's work when it saw it stand still for 20 s, and looks every 5 s.
TAKE_OVER_MAX = 60
SERVING = "trunkline.v1.CallDispatchService"


@pytest.fixture
def database(tmp_path):
    with postgres.Server(tmp_path / "pg") as server:
        server.make_database("trunkline")
        yield server


def wait_for_dispatch(dispatch):
    wait_until(
        lambda: dispatch.check_running() and harness.is_serving(dispatch.address, SERVING), dispatch.name)


# A dispatch without registry and database


@pytest.fixture
def split(stubs, sim, database, start_server, tmp_path):
    """A registry and a dispatch on one PostgreSQL."""
    shared = {
        "keyring": tmp_path / "keyring", "webhook_address": f"127.0.0.1:{harness.free_port()}",
        "arguments": [f"--database={database.url('trunkline')}"],
    }  # fmt: skip
    registry = start_server("registry", roles="registry", **shared)
    dispatch = start_server(
        "dispatch", roles="dispatch", registry=registry.address, wait=False, **shared)
    wait_for_dispatch(dispatch)
    world = worlds.World(stubs, sim, registry, dispatch)
    yield types.SimpleNamespace(world=world, registry=registry, dispatch=dispatch, database=database)
    world.close()


def test_a_dispatch_notices_that_the_database_was_put_back_and_grew(split):
    """It was away meanwhile: nothing of what it knows of the lost history may stay."""
    world, registry, dispatch, database = split.world, split.registry, split.dispatch, split.database
    number = world.number_of()
    kept, lost = "wss://agent.example/stream", "wss://agent.example/lost"
    answered(world, number, kept)

    def replace(*statements):
        for process in (dispatch, registry):
            process.stop()
        for statement in statements:
            database.sql(statement)
        registry.start()
        world.connect()

    replace("CREATE DATABASE kept TEMPLATE trunkline")
    dispatch.start(wait=False)
    wait_for_dispatch(dispatch)
    world.connect()
    world.assign(number, world.agent(url=lost))
    answered(world, number, lost)

    replace("DROP DATABASE trunkline", "CREATE DATABASE trunkline TEMPLATE kept")
    for _ in range(10):
        world.agent()
    dispatch.start(wait=False)
    wait_for_dispatch(dispatch)
    answered(world, number, kept)


def calls_in_at_once(world, number, count):
    """So many callers at the same moment; each is connected to the agent, in the carrier's time."""
    with ThreadPoolExecutor(count) as callers:
        calls = list(callers.map(lambda _: world.call_in(number.e164), range(count)))
    for call in calls:
        assert call["errors"] == [] and call["twiml"][0]["verb"] == "Connect", call
    return calls


def place_again(world, number):
    """Waits until calls can be placed again; gives the one that was."""
    to = world.fresh_far_end()
    request = request_id()

    def placed():
        try:
            return world.place(number, to, request_id=request, timeout=ANSWER_MAX)
        except grpc.RpcError as error:
            # A dispatch hears a moment later of a number that was just assigned.
            is_early = Refusal(error).reason in ("PHONE_NUMBER_NOT_FOUND", "AGENT_MISSING")
            gone = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            assert is_early or error.code() in gone, error
            return None

    call = world.wait_for_end(wait_until(placed, "calls are placed")[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1


def test_inbound_calls_are_answered_with_registry_and_database_dead(split):
    world, registry, dispatch, database = split.world, split.registry, split.dispatch, split.database
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    wait_until(lambda: leases_kept(dispatch) == 1, "the provider's credentials are kept")

    # All are killed, and the dispatch alone comes back.
    registry.kill()
    database.kill()
    dispatch.kill()
    dispatch.start(wait=False)
    wait_for_dispatch(dispatch)
    world.connect()
    calls = calls_in_at_once(world, number, 12)
    to = world.fresh_far_end()
    request = world.v1.PlaceCallsRequest(
        from_number_id=number.id, outbound_calls=[world.v1.OutboundCall(to_number=to)],
        request_id=request_id())  # fmt: skip
    assert refusal(world.calls.PlaceCalls, request).code is grpc.StatusCode.UNAVAILABLE
    calls += calls_in_at_once(world, number, 12)

    # The database is back: what was answered meanwhile is written down, and calls go out.
    database.start()
    place_again(world, number)
    for call in calls:
        assert world.inbound_call(call).to == number.e164
    assert world.posts_received(to) == 0
    assert dispatch.is_running

    # The registry is back: changes arrive.
    registry.start()
    world.connect()
    world.assign(number, world.agent(url="wss://agent.example/new"))
    answered(world, number, "wss://agent.example/new")


def test_inbound_calls_are_answered_when_the_database_dies_under_a_dispatch(split):
    world, database = split.world, split.database
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    database.kill()
    # None waits for those before it: each would take the store's whole patience.
    begun = time.monotonic()
    calls = calls_in_at_once(world, number, 24)
    assert time.monotonic() - begun < WEBHOOK_MAX + ANSWER_MAX
    database.start()
    place_again(world, number)
    for call in calls:
        assert world.inbound_call(call).to == number.e164


def test_a_newer_schema_that_is_met_later_ends_the_dispatch(split):
    registry, dispatch, database = split.registry, split.dispatch, split.database
    registry.kill()
    dispatch.kill()
    database.sql("UPDATE schema_migrations SET version = 99 WHERE component = 'calls'", "trunkline")
    database.kill()
    dispatch.start(wait=False)
    wait_for_dispatch(dispatch)
    database.start()
    assert dispatch.popen.wait(harness.START_MAX) == 70
    assert "newer version" in dispatch.output()


# Two registries


def test_another_registry_goes_on_with_an_import(stubs, sim, database, start_server, tmp_path):
    shared = {
        "roles": "registry", "keyring": tmp_path / "keyring", "auth": False,
        "webhook_address": f"127.0.0.1:{harness.free_port()}",
        "arguments": [f"--database={database.url('trunkline')}"],
    }  # fmt: skip
    first, second = (start_server(name, **shared) for name in ("first", "second"))
    world, other = (worlds.World(stubs, sim, server) for server in (first, second))
    account = world.account()
    held = world.carrier_number(account)
    provider = world.provider(account)
    # The carrier refuses to be written to, for as long as the first one lives.
    path = f"*/IncomingPhoneNumbers/{held['sid']}.json"
    sim.control("POST", "/faults", {
        "kind": "status", "method": "POST", "path": path, "status": 503, "count": 0})  # fmt: skip
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id())  # fmt: skip
    going_on = world.numbers.ImportPhoneNumber.future(request, timeout=ANSWER_MAX)

    def owner():
        return database.sql("SELECT convert_from(document, 'UTF8')::json->>'owner' FROM provisioning_journal",
                            "trunkline")

    of_first = wait_until(owner, "the import has begun")
    # A client that asks the second one waits for the first one's work.
    waiting = other.numbers.ImportPhoneNumber.future(request, timeout=TAKE_OVER_MAX + ANSWER_MAX)
    first.kill()
    sim.control("DELETE", "/faults")
    number = waiting.result().phone_number
    assert going_on.exception().code() is grpc.StatusCode.UNAVAILABLE
    assert number.state == world.v1.PhoneNumber.STATE_ACTIVE
    assert owner() not in ("", of_first)
    assert [found.id for found in other.all_numbers()] == [number.id]
    # It ends in order and gives back what it has: nothing stays open.
    other.delete_number(number)
    assert other.audit()["configurations"] == []
    world.close()
    other.close()


# Two dispatches of a region


class Balancer:
    """What stands before the webhooks of several dispatches: one that is gone, or goes in the midst of a
    request, is left for the next, as carriers' callbacks may be repeated."""

    def __init__(self):
        self.targets = []
        self.turn = 0
        balancer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, answer = balancer.ask(self.command, self.path, body, self.headers)
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.port = harness.free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def ask(self, method, path, body, headers):
        self.turn += 1
        count = len(self.targets)
        for index in range(2 * count):
            host, port = self.targets[(self.turn + index) % count].rsplit(":", 1)
            connection = http.client.HTTPConnection(host, int(port), timeout=WEBHOOK_MAX)
            try:
                connection.request(method, path, body, dict(headers))
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            except (OSError, http.client.HTTPException):
                continue
            finally:
                connection.close()
        return 502, [], b""

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Caller(threading.Thread):
    """Places calls at either dispatch until it is told to stop. What is not answered is asked again with the
    same request id, at the other one."""

    def __init__(self, stubs, dispatches, sim, registry, number, seed):
        super().__init__(daemon=True)
        self.worlds = [worlds.World(stubs, sim, registry, dispatch) for dispatch in dispatches]
        self.number, self.random = number, random.Random(seed)
        self.is_over, self.placed, self.throttled, self.failure = False, {}, set(), None

    def run(self):
        try:
            while not self.is_over:
                self.one()
        except Exception as error:  # noqa: BLE001: shown by the test
            self.failure = error

    def one(self):
        count = self.random.choice((1, 1, 2, 5))
        destinations = [self.worlds[0].fresh_far_end() for _ in range(count)]
        if self.random.random() < 0.2:
            # Provably nothing was done: it is posted again, by whichever dispatch is first.
            self.worlds[0].fault("status", destinations[0], status=429, code=20429)
            self.throttled.add(destinations[0])
        request = request_id()
        turn = self.random.randrange(2)

        def asked():
            nonlocal turn
            turn += 1
            try:
                return self.worlds[turn % 2].place(self.number, *destinations, request_id=request)
            except grpc.RpcError as error:
                if error.code() not in (
                    grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                ):  # fmt: skip
                    raise
                return None

        results = wait_until(asked, "a dispatch answers", 2 * harness.START_MAX)
        for to, result in zip(destinations, results, strict=True):
            self.placed[to] = result.call.id


def test_two_dispatches_dial_each_call_once(stubs, sim, database, start_server, tmp_path):
    seed = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
    kills = int(os.environ.get("TRUNKLINE_KILLS", "4"))
    print(f"TRUNKLINE_SEED={seed} TRUNKLINE_KILLS={kills}")
    chance = random.Random(seed)
    sim.control("POST", "/settings", {"calls_per_second": 0})
    with Balancer() as balancer:
        shared = {
            "keyring": tmp_path / "keyring", "public_address": balancer.address, "auth": False,
            "arguments": [f"--database={database.url('trunkline')}"],
        }  # fmt: skip
        registry = start_server("registry", roles="registry", **shared)
        dispatches = [
            start_server(name, roles="dispatch", registry=registry.address, wait=False, **shared)
            for name in ("first", "second")
        ]
        balancer.targets = [dispatch.webhook_address for dispatch in dispatches]
        for dispatch in dispatches:
            wait_for_dispatch(dispatch)
        world, other = (worlds.World(stubs, sim, registry, dispatch) for dispatch in dispatches)
        number = world.number_of()
        for one in (world, other):
            place_again(one, number)
        watchers = [Watcher(one) for one in (world, other)]
        callers = [
            Caller(stubs, dispatches, sim, registry, number, chance.getrandbits(64)) for _ in range(3)
        ]
        for caller in callers:
            caller.start()
        for _ in range(kills):
            # The moment is the point: it is chosen at random, and nothing waits for it.
            time.sleep(chance.uniform(0.1, 1))
            dispatch = chance.choice(dispatches)
            dispatch.kill()
            dispatch.start(wait=False)
            wait_for_dispatch(dispatch)
        for caller in callers:
            caller.is_over = True
            caller.join(3 * harness.START_MAX)
            assert not caller.is_alive() and caller.failure is None, caller.failure
        placed = {to: id for caller in callers for to, id in caller.placed.items()}
        # Whoever watches at one of them sees what both did; the one that was killed is watched again.
        for watcher in watchers:
            wait_until(
                lambda watcher=watcher: watcher.failure or set(placed.values()) <= watcher.ids,
                "each call at each watcher")
            assert watcher.failure is None, watcher.failure
            watcher.is_over = True
        throttled = set().union(*(caller.throttled for caller in callers))
        settle(world, placed, throttled, is_patient=kills > SHORT_KILLS_MAX)
        for caller in callers:
            for one in caller.worlds:
                one.close()
        world.close()
        other.close()


# A dial that a dead dispatch had begun is looked for after 90 s; one whose callbacks were lost, after 120 s. With so
# few kills the first is not waited for: the carrier has no such call, and nothing more comes of it.
SETTLE_MAX = 240
SHORT_KILLS_MAX = 10


class Watcher(threading.Thread):
    """Follows a dispatch's calls from the last token, whenever the stream breaks."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.ids = world, set()
        self.is_over, self.failure = False, None
        self.start()

    def run(self):
        token = ""
        while not self.is_over:
            try:
                request = self.world.v1.WatchCallsRequest(resume_token=token)
                for response in self.world.calls.WatchCalls(request, timeout=ANSWER_MAX):
                    token = response.resume_token
                    if response.HasField("call"):
                        self.ids.add(response.call.id)
                    if self.is_over:
                        return
            except (grpc.RpcError, ValueError) as error:
                code = error.code() if isinstance(error, grpc.RpcError) else None
                if code not in (
                    grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
                    None,
                ):  # fmt: skip
                    self.failure = error
                    return


def settle(world, placed, throttled, is_patient):
    """Every call was dialled once at most, is known to both sides, and ends."""
    def made():
        found = {}
        for call in world.carrier_calls():
            found.setdefault(call["to"], []).append(call["sid"])
        return found

    def has_ended(call, at_carrier):
        if world.state_of(call) in worlds.TERMINAL or call.outcome_unknown:
            return True
        return not is_patient and world.state_of(call) == "STATE_DIALING" and call.to not in at_carrier

    def ended():
        world.connect()
        at_carrier = made()
        calls = {call.id: call for call in world.all_calls()}
        assert set(placed.values()) <= set(calls), "a call that was acknowledged is lost"
        return all(has_ended(call, at_carrier) for call in calls.values()) and calls

    calls = wait_until(ended, "every call ends", SETTLE_MAX, interval=0.5)
    received, at_carrier = world.audit()["posts_received"], made()
    for to, id in placed.items():
        assert calls[id].to == to
        posts = received.get(to, 0) - (to in throttled)
        assert posts <= 1, f"{id} was posted {posts} times"
        sids = at_carrier.get(to, [])
        assert len(sids) <= 1, f"{id} was dialled {len(sids)} times"
        if sids:
            assert calls[id].carrier_call_id == sids[0], id
            assert world.state_of(calls[id]) == "STATE_COMPLETED", id
        else:
            # The dispatch died between its word that it dials and the dial.
            assert calls[id].outcome_unknown or not is_patient, id
    lost = sum(not at_carrier.get(to) for to in placed)
    print(f"{len(placed)} calls placed, {lost} of them cut off before the dial")


# The administrator's token


def test_registries_that_start_at_once_make_one_administrators_token(database, sim, tmp_path):
    """Three of them write to one volume: the file has a token that counts, and there is no other."""
    file = tmp_path / "volume" / "admin-token"
    file.parent.mkdir()
    servers = [
        harness.Trunklined(
            tmp_path / f"registry{number}", sim, roles="registry", keyring=tmp_path / "keyring",
            arguments=[f"--database={database.url('trunkline')}"])
        for number in range(3)
    ]  # fmt: skip
    for server in servers:
        server.arguments.remove(f"--admin-token-file={server.token_file}")
        server.arguments.append(f"--admin-token-file={file}")
        server.token_file = file

    def start_at_once(*flags):
        """Gives the token, and how many there are."""
        for server in servers:
            server.arguments += flags
            server.start(wait=False)
        for server in servers:
            wait_until(lambda server=server: server.check_running() and harness.is_serving(server.address), server.name)
        counts = {len(tokens_of(server)) for server in servers}
        for server in servers:
            server.stop()
            server.arguments = server.arguments[:len(server.arguments) - len(flags)]
        assert [path.name for path in file.parent.iterdir()] == [file.name]
        assert len(counts) == 1
        return file.read_text().strip(), *counts

    try:
        first, count = start_at_once()
        assert count == 1
        # A good one stays, though the flag was left there.
        assert start_at_once("--new-admin-token") == (first, 1)
        file.unlink()
        second, count = start_at_once("--new-admin-token")
        assert second != first and count == 2
        assert start_at_once("--new-admin-token") == (second, 2)
        # The one that made it died before it gave the file its name.
        newest = second.removeprefix("trk_").partition("_")[0]
        file.rename(file.parent / f"{file.name}.tok_{newest}")
        assert start_at_once() == (second, 2)
    finally:
        for server in servers:
            server.stop()


def tokens_of(server):
    listed = harness.run_cli("tokens", "ls", "-o", "json", address=server.address)
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)["tokens"]
