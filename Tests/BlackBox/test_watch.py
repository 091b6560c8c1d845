"""WatchPhoneNumbers as its callers see it: over kills, on both databases, from two registries at once."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import types

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from test_access import _as
from world import ANSWER_MAX, Refusal, deployment, refusal

HEARTBEAT_MAX = 25


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Makes empty databases on a PostgreSQL of this file's own."""
    with postgres.Server(tmp_path_factory.mktemp("pg") / "server", ["fsync = off"]) as server:
        names = iter(f"watch{number}" for number in range(100))

        def make():
            return server.url(server.make_database(next(names)))

        make.sql = lambda text, url: server.sql(text, url.split("/")[-1].split("?")[0])
        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request):
    """What a deployment is told of where its data is."""
    if request.param == "sqlite":
        return types.SimpleNamespace(kind="sqlite", arguments=())
    make = request.getfixturevalue("database")
    url = make()
    return types.SimpleNamespace(
        kind="postgresql", url=url, arguments=(f"--database={url}",),
        sql=lambda text: make.sql(text, url), server_sql=lambda text: make.sql(text, "postgres"))


@pytest.fixture
def world(stubs, tmp_path, place):
    with deployment(stubs, tmp_path, arguments=place.arguments) as world:
        world.place = place
        yield world


class Follower(threading.Thread):
    """Follows numbers as the contract says: from the last token, whenever the stream is UNAVAILABLE.

    `numbers` is what it would show: id -> (version, label); gone ones are missing. A change that it
    knows by its version counts as a repeat and changes nothing.
    """

    def __init__(self, world, token=""):
        super().__init__(daemon=True)
        self.v1, self.token = world.v1, token
        self.stub = world.numbers
        self.numbers, self.gone, self.seen = {}, set(), []
        self.repeats, self.ends, self.heartbeats = 0, 0, 0
        self.is_level, self.is_resumed, self.is_over = bool(token), bool(token), False
        self.failure = None
        self.start()

    def run(self):
        while not self.is_over:
            try:
                request = self.v1.WatchPhoneNumbersRequest(resume_token=self.token)
                # wait_for_ready: a server that was killed is waited for.
                self.call = self.stub.WatchPhoneNumbers(request, wait_for_ready=True, timeout=300)
                for step in self.call:
                    self.take(step)
            except grpc.RpcError as error:
                if self.is_over:
                    return
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.failure = Refusal(error)
                    return
                self.ends += 1

    def take(self, step):
        kind = step.kind
        if kind == step.KIND_SNAPSHOT_END:
            self.is_level = True
        elif kind == step.KIND_HEARTBEAT:
            self.heartbeats += 1
        else:
            self.take_number(step)
        assert step.resume_token
        self.token = step.resume_token

    def take_number(self, step):
        number = step.phone_number
        known = self.numbers.get(number.id, (0, ""))[0]
        if number.id in self.gone or (step.kind != step.KIND_DELETED and step.version <= known):
            self.repeats += 1
            return
        if step.kind == step.KIND_DELETED:
            self.numbers.pop(number.id, None)
            self.gone.add(number.id)
        else:
            # Once and in order: no version is left out. A resumed one knows no earlier ones.
            is_next = step.version == known + 1 or (self.is_resumed and not known)
            if step.kind != step.KIND_SNAPSHOT and not is_next:
                self.failure = f"version {step.version} of {number.id} after {known}"
            self.numbers[number.id] = (step.version, number.label)
        if step.kind != step.KIND_SNAPSHOT:
            self.seen.append((number.id, step.version, step.kind))

    def wait_for(self, ready, what, seconds=60):
        """Until the condition holds; fails when the stream did."""
        wait_until(lambda: self.failure or not self.is_alive() or ready(self), what, seconds)
        assert self.failure is None, str(self.failure)
        assert ready(self), what

    def stop(self):
        self.is_over = True
        self.call.cancel()
        self.join(30)


@contextlib.contextmanager
def following(world, **options):
    follower = Follower(world, **options)
    try:
        yield follower
    finally:
        follower.stop()
    assert follower.failure is None, str(follower.failure)


def relabel(world, number, label, waits=False):
    request = world.v1.UpdatePhoneNumberRequest(
        phone_number=world.v1.PhoneNumber(id=number.id, label=label))
    request.update_mask.paths.append("label")
    # A server that has just been started may not be found yet.
    answer = world.numbers.UpdatePhoneNumber(request, timeout=ANSWER_MAX, wait_for_ready=waits)
    return answer.phone_number


def labels(world):
    """What is there: id -> label."""
    return {number.id: number.label for number in world.all_numbers()}


def shown(follower):
    return {id: label for id, (_, label) in follower.numbers.items()}


def a_number(world):
    return world.number_of(assigned=False)


def test_each_change_comes_once_and_in_order(world):
    v1 = world.v1
    first = a_number(world)
    with following(world) as follower:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        assert set(follower.numbers) == {first.id} and not follower.seen
        relabel(world, first, "one")
        second = a_number(world)
        world.assign(second, world.agent())
        relabel(world, second, "two")
        world.unassign(second)
        world.delete_number(second)
        follower.wait_for(lambda it: second.id in it.gone, "the deletion")
        assert shown(follower) == {first.id: "one"} == labels(world)
        assert follower.repeats == 0
        kinds = [kind for id, _, kind in follower.seen if id == second.id]
        assert kinds[0] == v1.WatchPhoneNumbersResponse.KIND_CREATED
        assert kinds[-1] == v1.WatchPhoneNumbersResponse.KIND_DELETED
        assert len(kinds) >= 5
        token = follower.token
    # A resumed watch has no snapshot, and nothing that was told.
    relabel(world, first, "again")
    with following(world, token=token) as follower:
        follower.wait_for(lambda it: it.seen, "the change")
        assert [id for id, *_ in follower.seen] == [first.id]


def test_a_kill_leaves_no_gap(world):
    """Numbers change while the server is killed again and again: the follower misses none."""
    numbers = [a_number(world) for _ in range(3)]
    chance = random.Random(5)
    with following(world) as follower:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        for turn in range(4):
            is_over = threading.Event()

            def work(turn=turn, is_over=is_over):
                count = 0
                while not is_over.is_set():
                    count += 1
                    with contextlib.suppress(grpc.RpcError):
                        relabel(world, numbers[count % 3], f"{turn}-{count}")

            worker = threading.Thread(target=work, daemon=True)
            before = len(follower.seen)
            worker.start()
            want = before + chance.randrange(5, 40)
            follower.wait_for(lambda it: len(it.seen) >= want, "changes")
            world.server.kill()
            is_over.set()
            worker.join(60)
            world.server.start()
        for number in numbers:
            relabel(world, number, "last", waits=True)
        follower.wait_for(lambda it: set(shown(it).values()) == {"last"}, "the last changes")
        assert shown(follower) == labels(world)
        assert follower.ends >= 4


def test_a_stop_waits_for_no_watch(stubs, tmp_path):
    """A server that is stopped ends its watches, which go on at the next."""
    with deployment(stubs, tmp_path, arguments=("--drain-timeout=5m",)) as world:
        number = a_number(world)
        with following(world) as follower:
            follower.wait_for(lambda it: it.is_level, "the snapshot")
            assert world.server.stop() == 0
            world.server.start()
            relabel(world, number, "after", waits=True)
            follower.wait_for(lambda it: shown(it) == {number.id: "after"}, "the change")


def take_what_another_program_wrote(server):
    """It writes no checksums; a copy made in spite of that has them again."""
    copy = server.folder / "copy"
    made = subprocess.run(
        [harness.program("trunklined"), "backup", "--unchecked", f"--data-dir={server.data_dir}", copy],
        capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    for file in server.data_dir.glob("registry.db*"):
        file.unlink()
    shutil.move(copy / "registry.db", server.data_dir / "registry.db")


def test_a_token_that_is_too_old_has_expired(world):
    number = a_number(world)
    with following(world) as follower:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        old = follower.token
    relabel(world, number, "changed")
    forget = (
        "UPDATE change_feed SET events_pruned_through = latest WHERE one = 1",
        "DELETE FROM events",
    )
    world.server.stop()
    if world.place.kind == "sqlite":
        with contextlib.closing(sqlite3.connect(world.server.data_dir / "registry.db")) as file:
            for statement in forget:
                file.execute(statement)
            file.commit()
        take_what_another_program_wrote(world.server)
    else:
        for statement in forget:
            world.place.sql(statement)
    world.server.start()
    world.connect()
    watch, request = world.numbers.WatchPhoneNumbers, world.v1.WatchPhoneNumbersRequest
    refused = refusal(watch, request(resume_token=old))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")
    assert refused.info.domain == "trunkline.dev"
    # Without one there is a new snapshot, whose token is good.
    with following(world) as follower:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        assert shown(follower) == {number.id: "changed"}
        fresh = follower.token
    with following(world, token=fresh) as follower:
        relabel(world, number, "more")
        follower.wait_for(lambda it: shown(it) == {number.id: "more"}, "the change")


def keep_registry(world, folder):
    """A copy of what the registry has now, of a server that is stopped; gives what puts it back."""
    if world.place.kind == "sqlite":
        copies = [shutil.copy(file, folder) for file in world.server.data_dir.glob("registry.db*")]

        def put_back():
            for file in world.server.data_dir.glob("registry.db*"):
                file.unlink()
            for copy in copies:
                shutil.copy(copy, world.server.data_dir)
    else:
        name = world.place.url.split("/")[-1].split("?")[0]
        world.place.server_sql(f"CREATE DATABASE kept TEMPLATE {name}")

        def put_back():
            world.place.server_sql(f"DROP DATABASE {name}")
            world.place.server_sql(f"CREATE DATABASE {name} TEMPLATE kept")

    return put_back


def test_a_database_that_was_put_back_and_grew_is_noticed(world, tmp_path):
    """What a watcher has of the lost history must not be taken for what the database has now."""
    number = a_number(world)
    with following(world) as follower:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        early = follower.token
    world.server.stop()
    put_back = keep_registry(world, tmp_path)
    world.server.start()
    world.connect()
    with following(world, token=early) as follower:
        for turn in range(3):
            relabel(world, number, f"lost {turn}", waits=True)
        follower.wait_for(lambda it: it.numbers.get(number.id, (0, ""))[1] == "lost 2", "the changes")
        lost = follower.token
    world.server.stop()
    put_back()
    world.server.start()
    world.connect()
    for turn in range(6):
        relabel(world, number, f"new {turn}", waits=True)
    refused = refusal(
        world.numbers.WatchPhoneNumbers, world.v1.WatchPhoneNumbersRequest(resume_token=lost))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")
    # What was so before the two histories parted goes on.
    with following(world, token=early) as follower:
        follower.wait_for(lambda it: len(it.seen) == 6, "the changes")
        assert shown(follower) == {number.id: "new 5"}


def test_tokens_of_others_and_none_at_all(world, stubs, tmp_path_factory):
    watch, request = world.numbers.WatchPhoneNumbers, world.v1.WatchPhoneNumbersRequest
    for text in ("x", "0", "00", "g" * 66, "0" * 3000):
        refused = refusal(watch, request(resume_token=text))
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT, text
        assert refused.fields == ["resume_token"]
    with deployment(stubs, tmp_path_factory.mktemp("elsewhere")) as other:
        a_number(other)
        with following(other) as follower:
            follower.wait_for(lambda it: it.is_level, "the snapshot")
            foreign = follower.token
    refused = refusal(watch, request(resume_token=foreign))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")


def test_a_tenant_is_told_nothing_of_another(world):
    tokens = world.v1.TokenServiceStub(world.server.channel())
    made = tokens.CreateToken(
        world.v1.CreateTokenRequest(scopes=["admin"], tenant_id="new"), timeout=30)
    harness.secrets.add(made.token_text)
    other = _as(world, made.token_text)
    mine, theirs = a_number(world), a_number(other)
    with following(world) as follower, following(other) as stranger:
        follower.wait_for(lambda it: it.is_level, "the snapshot")
        stranger.wait_for(lambda it: it.is_level, "the other snapshot")
        for turn in range(5):
            relabel(other, theirs, f"theirs {turn}")
            relabel(world, mine, f"mine {turn}")
        follower.wait_for(lambda it: shown(it) == {mine.id: "mine 4"}, "the own changes")
        stranger.wait_for(lambda it: shown(it) == {theirs.id: "theirs 4"}, "the other's changes")
        assert {id for id, *_ in follower.seen} == {mine.id}
        assert {id for id, *_ in stranger.seen} == {theirs.id}
        # A token is worth nothing to another tenant.
        refused = refusal(
            other.numbers.WatchPhoneNumbers,
            world.v1.WatchPhoneNumbersRequest(resume_token=follower.token))
        assert refused.reason == "RESUME_TOKEN_EXPIRED"


def test_a_revoked_token_ends_its_stream(world):
    v1, number = world.v1, a_number(world)
    tokens = v1.TokenServiceStub(world.server.channel())
    made = tokens.CreateToken(v1.CreateTokenRequest(scopes=["numbers:read", "calls:read"]), timeout=30)
    harness.secrets.add(made.token_text)
    reader = _as(world, made.token_text)
    streams = [
        reader.numbers.WatchPhoneNumbers(v1.WatchPhoneNumbersRequest(), timeout=60),
        reader.calls.WatchCalls(v1.WatchCallsRequest(), timeout=60),
    ]
    assert next(streams[0]).phone_number.id == number.id
    next(streams[1])
    tokens.RevokeToken(v1.RevokeTokenRequest(id=made.token.id), timeout=30)
    for stream in streams:
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stream:
                pass
        refused = Refusal(caught.value)
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_a_quiet_stream_beats(stubs, tmp_path):
    with deployment(stubs, tmp_path) as world:
        a_number(world)
        with following(world) as follower:
            follower.wait_for(lambda it: it.is_level, "the snapshot")
            before = follower.token
            # What others do moves the token, though there is nothing to tell.
            world.agent()
            follower.wait_for(lambda it: it.heartbeats, "a heartbeat", HEARTBEAT_MAX)
            assert follower.token != before and not follower.seen


def test_a_slow_reader_is_waited_for(world):
    """It reads nothing while far more changes than any buffer holds, then gets each of them."""
    number = a_number(world)
    relabel(world, number, "0")
    stream = world.numbers.WatchPhoneNumbers(world.v1.WatchPhoneNumbersRequest(), timeout=300)
    while next(stream).kind != world.v1.WatchPhoneNumbersResponse.KIND_SNAPSHOT_END:
        pass
    # Labels make each step large: 1,000 of them are more than the windows and buffers take.
    filler = {f"k{index}": "x" * 250 for index in range(20)}
    count = 1000
    for turn in range(1, count + 1):
        request = world.v1.UpdatePhoneNumberRequest(
            phone_number=world.v1.PhoneNumber(id=number.id, label=str(turn), labels=filler))
        request.update_mask.paths.extend(["label", "labels"])
        world.numbers.UpdatePhoneNumber(request, timeout=ANSWER_MAX)
    told = []
    for step in stream:
        if step.kind == step.KIND_UPDATED:
            told.append(int(step.phone_number.label))
        if told and told[-1] == count:
            break
    stream.cancel()
    assert told == list(range(1, count + 1))


@pytest.fixture
def pair(stubs, sim, start_server, tmp_path, database):
    """Two registries on one PostgreSQL."""
    shared = {
        "arguments": (f"--database={database()}",), "keyring": tmp_path / "keyring",
        "webhook_address": f"127.0.0.1:{harness.free_port()}",
    }
    one = start_server("one", roles="registry", **shared)
    two = start_server("two", roles="registry", **shared)
    # The first one's start made the administrator's token of both.
    harness.tokens[two.address] = harness.tokens[one.address]
    two.token_file = one.token_file
    worlds_ = [worlds.World(stubs, sim, server) for server in (one, two)]
    yield worlds_
    for world in worlds_:
        world.close()


def test_two_registries_tell_the_same(pair):
    one, two = pair
    numbers = [a_number(one), a_number(two)]
    with following(one) as first, following(two) as second:
        for follower in (first, second):
            follower.wait_for(lambda it: it.is_level, "the snapshot")

        def work(world, name):
            for turn in range(40):
                with contextlib.suppress(grpc.RpcError):
                    relabel(world, numbers[turn % 2], f"{name}-{turn}")

        workers = [
            threading.Thread(target=work, args=(world, name), daemon=True)
            for world, name in ((one, "one"), (two, "two"))
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        for number in numbers:
            relabel(one, number, "last")
        for follower in (first, second):
            follower.wait_for(lambda it: set(shown(it).values()) == {"last"}, "the last changes")
        assert first.repeats == second.repeats == 0
        assert first.seen == second.seen and len(first.seen) > 40
        token = first.token
    # A token of one is good at the other.
    relabel(one, numbers[0], "after")
    with following(two, token=token) as follower:
        follower.wait_for(lambda it: it.seen, "the change")
        assert shown(follower) == {numbers[0].id: "after"}


def test_the_command_line_follows_over_a_restart(world):
    number = a_number(world)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    environment["TRUNKLINE_TOKEN"] = world.server.token
    log = world.server.folder / "watch.jsonl"
    with log.open("wb") as output:
        watch = subprocess.Popen(
            [harness.program("trunkline"), "phone-numbers", "watch", "-o", "json",
             f"--server={world.server.address}"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:

        def lines():
            assert watch.poll() is None, log.read_text()
            return [json.loads(line) for line in log.read_text().splitlines(keepends=True)
                    if line.endswith("\n")]

        wait_until(lambda: any(line["kind"] == "KIND_SNAPSHOT_END" for line in lines()), "the snapshot")
        relabel(world, number, "before")
        world.server.kill()
        world.server.start()
        relabel(world, number, "after", waits=True)

        def told():
            return [line["phoneNumber"]["label"] for line in lines() if line["kind"] == "KIND_UPDATED"]

        wait_until(lambda: told()[-1:] == ["after"], "the change after the restart")
        assert told() == ["before", "after"]
        assert all(line["resumeToken"] for line in lines())
        watch.send_signal(signal.SIGINT)
        watch.wait(30)
    finally:
        watch.kill()
        watch.wait()
    table = harness.run_cli(
        "phone-numbers", "watch", "--resume-token", "0", address=world.server.address)
    assert table.returncode != 0 and "resume_token" in table.stderr
