"""Registry and dispatch as two processes: calls go on while the registry is gone."""

import functools
import sqlite3
import threading
import types
import urllib.request

import grpc
import pytest

import harness
import world as worlds
from harness import wait_until
from test_access import METHODS, SCOPES, Tenants, bearer, forged, scope_of
from world import ANSWER_MAX


@pytest.fixture
def split(stubs, sim, start_server, tmp_path):
    """A registry and a dispatch: one keyring, each its own data folder, one webhook address."""
    keyring = tmp_path / "keyring"
    hook = f"127.0.0.1:{harness.free_port()}"
    shared = {"keyring": keyring, "webhook_address": hook}
    registry = start_server("registry", roles="registry", **shared)
    dispatch = start_server(
        "dispatch", roles="dispatch", registry=registry.address, wait=False, **shared
    )
    serving = "trunkline.v1.CallDispatchService"
    wait_until(
        lambda: dispatch.check_running() and harness.is_serving(dispatch.address, serving),
        "the dispatch",
    )
    world = worlds.World(stubs, sim, registry, dispatch)
    yield types.SimpleNamespace(world=world, registry=registry, dispatch=dispatch)
    world.close()


def answered(world, number, url):
    """A call to the number comes to the agent at `url`."""

    def ready():
        # A dispatch that was just started may not know the number yet: no answer.
        answer = world.call_in(number.e164)["twiml"]
        verb = answer[0] if answer else {"verb": None}
        return verb["verb"] == "Connect" and verb["children"][0]["attributes"]["url"] == url

    wait_until(ready, f"calls come to {url}", ANSWER_MAX)


def test_calls_without_their_registry(split):
    world, registry, dispatch = split.world, split.registry, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1

    # The registry is gone: calls come in as before, and go out with what was lent.
    registry.kill()
    carrier_call = world.call_in(number.e164)
    assert carrier_call["twiml"][0]["verb"] == "Connect" and carrier_call["errors"] == []
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED"

    # It is back: changes arrive.
    registry.start()
    world.connect()
    world.assign(number, world.agent(url="wss://agent.example/new"))
    answered(world, number, "wss://agent.example/new")
    assert dispatch.is_running


def leases_kept(dispatch):
    """How many providers' credentials the dispatch's copy holds."""
    with sqlite3.connect(dispatch.data_dir / "routes.db", timeout=5) as copy:
        return copy.execute("SELECT count(*) FROM route_copies WHERE kind = 'lease'").fetchone()[0]


def test_dispatch_restarts_without_its_registry(split):
    """What MODEL 5 promises: the routes, and the region's credentials, outlive both."""
    world, registry, dispatch = split.world, split.registry, split.dispatch
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    wait_until(lambda: leases_kept(dispatch) == 1, "the provider's credentials are kept")

    registry.kill()
    dispatch.kill()
    dispatch.start()
    carrier_call = world.call_in(number.e164)
    assert carrier_call["twiml"][0]["verb"] == "Connect" and carrier_call["errors"] == []
    # Credentials that were lent before anybody asked for them.
    to = world.fresh_far_end()
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1

    # Nothing of it can be read from the disk.
    for file in dispatch.data_dir.iterdir():
        if file.name.startswith("routes.db"):
            content = file.read_bytes()
            assert number.e164.encode() not in content
            assert b"wss://agent.example/stream" not in content

    registry.start()
    world.connect()
    world.assign(number, world.agent(url="wss://agent.example/new"))
    answered(world, number, "wss://agent.example/new")


def code_of(world, token):
    """The code that ListCalls gets at the dispatch with a token."""
    with world.dispatch.bare_channel() as channel:
        calls = world.v1.CallDispatchServiceStub(channel)
        try:
            calls.ListCalls(world.v1.ListCallsRequest(), timeout=30, metadata=bearer(token))
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def make_token(world, **members):
    made = world.tokens.CreateToken(world.v1.CreateTokenRequest(**members), timeout=30)
    harness.secrets.add(made.token_text)
    return made


def tokens_kept(dispatch):
    """The tokens that the dispatch's copy holds."""
    with sqlite3.connect(dispatch.data_dir / "routes.db", timeout=5) as copy:
        return {id for id, in copy.execute("SELECT id FROM route_copies WHERE kind = 'token'")}


def test_a_dispatch_authenticates_by_itself(split):
    world, registry, dispatch = split.world, split.registry, split.dispatch
    code, v1 = grpc.StatusCode, world.v1
    reader = make_token(world, scopes=["calls:read"])
    other = make_token(world, scopes=["calls:read"], tenant_id="new")
    denied = make_token(world, scopes=["numbers:read"])
    gone = make_token(world, scopes=["calls:read"])
    # At once: what the stream has not brought yet is asked for.
    assert code_of(world, reader.token_text) == code.OK
    assert code_of(world, denied.token_text) == code.PERMISSION_DENIED
    assert code_of(world, forged()) == code.UNAUTHENTICATED
    assert code_of(world, forged(id=reader.token.id.removeprefix("tok_"))) == code.UNAUTHENTICATED
    with dispatch.bare_channel() as channel:
        refused = worlds.refusal(
            v1.CallDispatchServiceStub(channel).ListCalls, v1.ListCallsRequest())
        assert (refused.code, refused.reason) == (code.UNAUTHENTICATED, "TOKEN_MISSING")

    # A tenant of another token sees nothing of these calls.
    number = world.number_of()
    answered(world, number, "wss://agent.example/stream")
    call = world.place(number, world.fresh_far_end())[0].call
    with grpc.intercept_channel(
        dispatch.bare_channel(), harness._Bearer(lambda: other.token_text)
    ) as channel:
        stub = v1.CallDispatchServiceStub(channel)
        assert not stub.ListCalls(v1.ListCallsRequest(), timeout=30).calls
        refused = worlds.refusal(stub.GetCall, v1.GetCallRequest(id=call.id))
        assert (refused.code, refused.reason) == (code.NOT_FOUND, "CALL_NOT_FOUND")

    # A revocation comes with the stream, and ends what goes on.
    with dispatch.bare_channel() as channel:
        stream = v1.CallDispatchServiceStub(channel).WatchCalls(
            v1.WatchCallsRequest(), timeout=120, metadata=bearer(gone.token_text))
        next(stream)
        world.tokens.RevokeToken(v1.RevokeTokenRequest(id=gone.token.id), timeout=30)
        wait_until(
            lambda: code_of(world, gone.token_text) == code.UNAUTHENTICATED, "the revocation")
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stream:
                pass
        assert caught.value.code() == code.UNAUTHENTICATED

    # The owner sees that it was used here.
    def was_used():
        return any(
            token.id == reader.token.id and token.HasField("last_use_time")
            for token in world.all_tokens())

    wait_until(was_used, "the last use")

    # With the registry dead, over a restart: the known are known, the revoked are not.
    known = {made.token.id for made in (reader, other, denied)}
    wait_until(
        lambda: known <= tokens_kept(dispatch) and gone.token.id not in tokens_kept(dispatch),
        "the tokens are kept")
    registry.kill()
    dispatch.kill()
    dispatch.start()
    assert code_of(world, reader.token_text) == code.OK
    assert code_of(world, other.token_text) == code.OK
    assert code_of(world, denied.token_text) == code.PERMISSION_DENIED
    assert code_of(world, forged(id=reader.token.id.removeprefix("tok_"))) == code.UNAUTHENTICATED
    # Of what it does not know it can't say that it is bad.
    assert code_of(world, gone.token_text) == code.UNAVAILABLE
    for file in dispatch.data_dir.iterdir():
        if file.name.startswith("routes.db"):
            assert reader.token_text.split("_")[2].encode() not in file.read_bytes()

    registry.start()
    world.connect()
    wait_until(lambda: code_of(world, gone.token_text) == code.UNAUTHENTICATED, "the registry")


def test_a_dispatch_asks_for_scopes_before_it_looks_at_a_body(split):
    """As test_access does of every method where the registry is."""
    world = split.world
    every = make_token(world, scopes=SCOPES).token_text
    with split.dispatch.bare_channel() as channel:
        caller = types.SimpleNamespace(channel=channel)
        methods = [name for name in METHODS if name.startswith("CallDispatchService.")]
        assert methods
        for name in methods:
            raw = functools.partial(Tenants.raw, caller, name)
            assert raw().reason == "TOKEN_MISSING", name
            assert raw(forged()).reason == "TOKEN_INVALID", name
            scope = scope_of(name)
            rest = [other for other in SCOPES if other not in (scope, "admin")]
            denied = raw(make_token(world, scopes=rest).token_text)
            assert denied.code == grpc.StatusCode.PERMISSION_DENIED, name
            assert denied.info.metadata["scope"] == scope, name
            assert raw(every).reason not in ("SCOPE_MISSING", "TOKEN_INVALID"), name


def test_a_stop_waits_for_no_stream(split):
    """The dispatch's stream of routes, and a watch of calls, would go on for ever."""
    world, registry, dispatch = split.world, split.registry, split.dispatch
    stream = world.calls.WatchCalls(world.v1.WatchCallsRequest(), timeout=120)
    next(stream)
    assert registry.stop() == 0
    assert dispatch.stop() == 0
    with pytest.raises(grpc.RpcError) as caught:
        for _ in stream:
            pass
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    registry.start()
    dispatch.start()
    world.connect()
    answered(world, world.number_of(), "wss://agent.example/stream")


@pytest.fixture
def aging(stubs, sim, start_server, tmp_path):
    """The same, where every connection is asked to go after a second, and cut off soon after."""
    keyring = tmp_path / "keyring"
    hook = f"127.0.0.1:{harness.free_port()}"
    ages = ["max-connection-age=1s", "max-connection-age-grace=1s"]
    shared = {
        "keyring": keyring, "webhook_address": hook,
        "arguments": [f"--grpc-setting={age}" for age in ages],
    }  # fmt: skip
    registry = start_server("registry", roles="registry", **shared)
    dispatch = start_server(
        "dispatch", roles="dispatch", registry=registry.address, wait=False, **shared
    )
    serving = "trunkline.v1.CallDispatchService"
    wait_until(
        lambda: dispatch.check_running() and harness.is_serving(dispatch.address, serving),
        "the dispatch",
    )
    world = worlds.World(stubs, sim, registry, dispatch)
    yield types.SimpleNamespace(world=world, registry=registry, dispatch=dispatch)
    world.close()


class Watcher:
    """Follows calls as the contract says: from the last token, whenever the stream is UNAVAILABLE."""

    def __init__(self, world):
        self.world = world
        self.states, self.ends, self.failure = [], 0, None
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        token = ""
        while not self.is_over:
            try:
                request = self.world.v1.WatchCallsRequest(resume_token=token)
                for response in self.world.calls.WatchCalls(request, timeout=60):
                    token = response.resume_token
                    if response.HasField("call"):
                        self.states.append((response.call.id, self.world.state_of(response.call)))
                    if self.is_over:
                        return
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.failure = error
                    return
                self.ends += 1


def closed_by_age(process):
    """How many of its connections were cut off since they were old."""
    with urllib.request.urlopen(f"http://{process.admin_address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    name = 'trunkline_server_connections_closed_total{reason="max_age_grace"}'
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(name))


def test_streams_go_on_without_a_gap_when_connections_are_old(aging):
    world, registry, dispatch = aging.world, aging.registry, aging.dispatch
    number = world.number_of()
    watcher = Watcher(world)
    turn = 0
    while closed_by_age(registry) < 3 or watcher.ends < 3:
        # The dispatch's stream of routes ends again and again: each change arrives.
        turn += 1
        url = f"wss://agent.example/{turn}"
        world.assign(number, world.agent(url=url))
        answered(world, number, url)
        call = world.wait_for_end(world.place(number, world.fresh_far_end())[0].call.id)
        # The watcher misses no call's end, however many streams that takes.
        seen = (call.id, "STATE_COMPLETED")
        wait_until(lambda seen=seen: seen in watcher.states or watcher.failure, "the call's end", ANSWER_MAX)
        assert watcher.failure is None, watcher.failure
        assert turn < 100
    watcher.is_over = True
    assert closed_by_age(dispatch) > 0
