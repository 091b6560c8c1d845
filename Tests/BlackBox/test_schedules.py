"""Random schedules of parallel clients against two registries on one PostgreSQL.

Each schedule is a few clients, at either registry, that create, read, update with and without an etag,
assign, and delete the same few agents and numbers. Afterwards the row of every resource must have had one
history that explains all answers: each acknowledged write is one change of it, made from the version that its
etag named, in an order that agrees with the time; a refused write is none; a read shows a version that was the
row's at some moment of the read; what is there is the last of it. Every change is in the feed once and in
order, and so it came to a follower at either registry, and to each client that watched numbers, whether it
stayed, was cut off and went on with its token at either registry, or came in the middle.

TRUNKLINE_SEED repeats the clients' choices, TRUNKLINE_SCHEDULES says how many schedules.
"""

import dataclasses
import itertools
import os
import random
import threading
import time
import types

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from number_watchers import NumberChange, NumberWatcher, check_watch
from world import ANSWER_MAX

SCHEDULES = int(os.environ.get("TRUNKLINE_SCHEDULES", "200"))
CLIENTS = 4
STEPS = 7
# Clients who come to watch while others write.
LATE_WATCHER_EVERY = 5
WATCHERS_MAX = 24
STANDING_NUMBERS = 12
REFUSED = {
    grpc.StatusCode.ABORTED, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}  # fmt: skip


@pytest.fixture(scope="module")
def fleet(stubs, tmp_path_factory):
    """Two registries on one PostgreSQL, each with its clients, and the carrier."""
    folder = tmp_path_factory.mktemp("schedules")
    sim = harness.CarrierSim(folder).start()
    with postgres.Server(folder / "pg", ["fsync = off"]) as database:
        name = database.make_database("registry")
        hook = f"127.0.0.1:{harness.free_port()}"
        servers = [
            harness.Trunklined(
                folder / f"registry{number}", sim, roles="registry", keyring=folder / "keyring",
                webhook_address=hook, auth=False, arguments=[f"--database={database.url(name)}"])
            for number in (1, 2)
        ]  # fmt: skip
        try:
            for server in servers:
                server.start()
            made = [worlds.World(stubs, sim, server) for server in servers]
            yield types.SimpleNamespace(
                worlds=made, servers=servers, stubs=stubs,
                sql=lambda text: database.sql(text, name))  # fmt: skip
            for world in made:
                world.close()
        finally:
            for server in servers:
                server.stop()
            sim.stop()


@dataclasses.dataclass
class Step:
    """What a client asked, when, and what came of it."""

    kind: str
    row: str
    sent: str = ""
    begun: float = 0
    ended: float = 0
    # The resource after the write, or as it was read: its id and etag.
    id: str = ""
    etag: str = ""
    code: grpc.StatusCode = grpc.StatusCode.OK

    @property
    def is_write(self):
        return self.kind != "get"

    def __str__(self):
        took = f"{self.begun:.4f}–{self.ended:.4f}"
        return f"{took} {self.kind} {self.row} sent={self.sent} got={self.etag} {self.code.name}"


class Client(threading.Thread):
    """Makes its steps one after the other, and keeps what came of each."""

    def __init__(self, world, rows, seed):
        super().__init__(daemon=True)
        self.world, self.v1, self.rows = world, world.v1, rows
        self.random = random.Random(seed)
        self.steps, self.seen, self.ids = [], {}, {}
        self.failure = None

    def run(self):
        try:
            for _ in range(STEPS):
                self.step()
        except Exception as error:  # noqa: BLE001: shown by the test
            self.failure = error

    def step(self):
        row = self.random.choice(self.rows.names)
        is_agent = row in self.rows.agents
        kinds = ["create", "update", "update", "update", "delete", "get"]
        kind = self.random.choice(kinds if is_agent else [*kinds, "assign", "unassign"])
        step = Step(kind, row)
        if kind != "create" and self.random.random() < 0.6:
            step.sent = self.seen.get(row, "")
        if not is_agent and kind != "create":
            # A number's id is new each time it is imported: the clients of a schedule share it.
            step.id = self.rows.number_ids.get(row, "")
            if not step.id:
                return
        if self.random.random() < 0.3:
            # Only so that the steps of two clients meet in other ways; nothing waits for it.
            time.sleep(self.random.uniform(0, 0.004))
        step.begun = time.monotonic()
        try:
            answer = getattr(self, f"{kind}_{'agent' if is_agent else 'number'}")(step)
        except grpc.RpcError as error:
            step.code = error.code()
            if step.code not in REFUSED:
                raise
        else:
            if answer is not None:
                step.id, step.etag = answer.id, answer.etag
                self.seen[row] = answer.etag
                if not is_agent:
                    self.rows.number_ids[row] = answer.id
        step.ended = time.monotonic()
        self.steps.append(step)

    # Agents: the row is its id.

    def create_agent(self, step):
        return self.world.agent(id=step.row)

    def update_agent(self, step):
        agent = self.v1.Agent(id=step.row, etag=step.sent, display_name=worlds.request_id())
        request = self.v1.UpdateAgentRequest(agent=agent, update_mask={"paths": ["display_name"]})
        return self.world.agents.UpdateAgent(request, timeout=ANSWER_MAX).agent

    def delete_agent(self, step):
        request = self.v1.DeleteAgentRequest(id=step.row, etag=step.sent)
        self.world.agents.DeleteAgent(request, timeout=ANSWER_MAX)

    def get_agent(self, step):
        request = self.v1.GetAgentRequest(id=step.row)
        return self.world.agents.GetAgent(request, timeout=ANSWER_MAX).agent

    # Numbers: the row is the E.164.

    def create_number(self, step):
        return self.world.import_number(self.rows.provider, step.row, supports_inbound=False)

    def update_number(self, step):
        number = self.v1.PhoneNumber(id=step.id, etag=step.sent, label=worlds.request_id())
        request = self.v1.UpdatePhoneNumberRequest(phone_number=number, update_mask={"paths": ["label"]})
        return self.world.numbers.UpdatePhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def assign_number(self, step):
        agent = self.random.choice(self.rows.agents)
        request = self.v1.AssignPhoneNumberRequest(id=step.id, agent_id=agent, etag=step.sent)
        return self.world.numbers.AssignPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def unassign_number(self, step):
        request = self.v1.UnassignPhoneNumberRequest(id=step.id, etag=step.sent)
        return self.world.numbers.UnassignPhoneNumber(request, timeout=ANSWER_MAX).phone_number

    def delete_number(self, step):
        request = self.v1.DeletePhoneNumberRequest(id=step.id, etag=step.sent)
        self.world.numbers.DeletePhoneNumber(request, timeout=ANSWER_MAX)

    def get_number(self, step):
        return self.world.number(step.id)


class Follower(threading.Thread):
    """Follows one registry's feed as a dispatch does, and keeps every step of it."""

    def __init__(self, world, stubs):
        super().__init__(daemon=True)
        self.stubs = stubs
        self.channel = world.server.channel()
        stub = stubs.internal.RouteServiceStub(self.channel)
        self.stream = stub.WatchRoutes(stubs.internal.WatchRoutesRequest())
        # (sequence, id) of each change, and where the snapshot ended.
        self.changes, self.begin, self.latest = [], None, 0
        self.start()

    def run(self):
        try:
            for answer in self.stream:
                step = answer.WhichOneof("step")
                if step == "snapshot_end":
                    self.begin = self.latest = answer.snapshot_end.sequence
                elif step == "change":
                    change = answer.change
                    self.latest = change.sequence
                    self.changes.append((change.sequence, self._id(change)))
                elif step == "heartbeat":
                    self.latest = max(self.latest, answer.heartbeat.sequence)
        except grpc.RpcError:
            return

    @staticmethod
    def _id(change):
        if change.WhichOneof("change") == "removal":
            return getattr(change.removal, change.removal.WhichOneof("removed"))
        return getattr(change.entry, change.entry.WhichOneof("entry")).id

    def stop(self):
        self.stream.cancel()
        self.channel.close()
        self.join(ANSWER_MAX)


def version(etag):
    """An etag is the time of creation and the version, in base 36; equal ones name one version."""
    return int(etag.split("-")[1], 36)


@dataclasses.dataclass
class Event:
    sequence: int
    id: str
    version: int
    change: str


def events_after(fleet, sequence):
    rows = fleet.sql(
        "SELECT sequence, kind, resource_id, version, change FROM events "
        f"WHERE sequence > {sequence} ORDER BY sequence").splitlines()
    fields = [row.split("|") for row in rows]
    return [(row[1], Event(int(row[0]), row[2], int(row[3]), row[4])) for row in fields]


def incarnations(events):
    """The history of each time that a resource was there: versions 1, 2, … and maybe its end."""
    lives = []
    for event in events:
        if event.change == "created":
            assert event.version == 1, event
            assert not lives or lives[-1][-1].change == "deleted", f"made twice: {event}"
            lives.append([event])
            continue
        assert lives and lives[-1][-1].change != "deleted", f"changed while it was not there: {event}"
        last = lives[-1][-1]
        # A deletion names the version that it ended.
        wanted = last.version if event.change == "deleted" else last.version + 1
        assert event.version == wanted, f"{event} after {last}"
        lives[-1].append(event)
    return lives


def name_reads(steps):
    """To assign what is assigned so already writes nothing: of those that were told one etag, one wrote it."""
    told = {}
    for step in steps:
        if step.code is grpc.StatusCode.OK and step.is_write and step.etag:
            told.setdefault(step.etag, []).append(step)
    for etag, same in told.items():
        same.sort(key=lambda step: (step.kind in ("assign", "unassign"), step.sent == etag, step.begun))
        for step in same[1:]:
            if step.kind in ("assign", "unassign"):
                step.kind = "get"


def explain(row, written, lives, births):
    """Holds the writes that were acknowledged against the changes, with the lives in this order of births;
    gives each change the step that made it, but for the deletions."""
    by_life = {}
    for step in written:
        if step.etag:
            by_life.setdefault(step.etag.split("-")[0], {})[version(step.etag)] = step
    places = {}
    for birth, life in zip(births, lives, strict=True):
        for event in life:
            if event.change != "deleted":
                step = by_life[birth].pop(event.version, None)
                assert step is not None, f"{row}: nobody was told of {event}"
                places[event.sequence] = step
                if step.sent:
                    made_from = f"{birth}-{base36(event.version - 1)}"
                    assert step.sent == made_from, f"{row}: {step} was made from {made_from}"
        assert not by_life[birth], f"{row}: acknowledged and not there: {by_life[birth]}"
    return places


def base36(number):
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def place_deletions(row, lives, births, deletions, places):
    """Gives each end of a life its deletion, in this order of deletions."""
    ends = [(birth, life) for birth, life in zip(births, lives, strict=True) if life[-1].change == "deleted"]
    for (birth, life), step in zip(ends, deletions, strict=True):
        last = f"{birth}-{base36(life[-1].version)}"
        assert step.sent in ("", last), f"{row}: {step} ended {last}"
        assert not step.id or step.id == life[0].id, f"{row}: {step} ended {life[0].id}"
        places[life[-1].sequence] = step


def check_times(row, steps, lives, births, places):
    """The order of the changes is one in which the clients saw them; reads and refusals fit into it."""
    ordered = [places[sequence] for sequence in sorted(places)]
    for index, later in enumerate(ordered):
        for earlier in ordered[:index]:
            assert earlier.begun < later.ended, f"{row}: {later} was done before {earlier} was asked"
    # When each version was the row's: from when it may have been written to when it must have gone.
    spans = {}
    line = [(event, life, birth) for birth, life in zip(births, lives, strict=True) for event in life]
    for index, (event, _, birth) in enumerate(line):
        gone = places[line[index + 1][0].sequence].ended if index + 1 < len(line) else float("inf")
        if event.change != "deleted":
            spans[f"{birth}-{base36(event.version)}"] = (places[event.sequence].begun, gone)
    absences, since = [], 0.0
    for life in lives:
        absences.append((since, places[life[0].sequence].ended))
        since = places[life[-1].sequence].begun if life[-1].change == "deleted" else float("inf")
    absences.append((since, float("inf")))

    def was(span, step):
        return span[0] < step.ended and step.begun < span[1]

    for step in steps:
        if step.kind == "get" and step.code is grpc.StatusCode.OK:
            assert step.etag in spans and was(spans[step.etag], step), f"{row}: not there then: {step}"
        elif step.code is grpc.StatusCode.NOT_FOUND and step.kind != "assign":
            # A number that is imported again is another one: what it was is gone for good.
            gone = [
                (places[life[-1].sequence].begun, float("inf")) for life in lives
                if life[0].id == step.id and life[-1].change == "deleted"
            ] if step.id else absences  # fmt: skip
            assert any(was(span, step) for span in gone), f"{row}: it was there: {step}"
        elif step.code is grpc.StatusCode.ALREADY_EXISTS:
            assert any(was(span, step) for span in spans.values()), f"{row}: it was free: {step}"
        elif step.code is grpc.StatusCode.ABORTED and step.sent:
            others = [span for etag, span in spans.items() if etag != step.sent]
            assert any(was(span, step) for span in others), f"{row}: it was the present one: {step}"


def check_row(row, steps, events):
    """Finds an order that explains all answers. Gives the etag that must be the present one."""
    lives = incarnations(events)
    name_reads(steps)
    written = [step for step in steps if step.code is grpc.StatusCode.OK and step.is_write]
    written.sort(key=lambda step: step.ended)
    assert len(written) == len(events), f"{row}: more or fewer writes than changes"
    # Nothing but the times tells which answer to a create is which life's, and the same for deletions without
    # an etag; the first order that is tried is almost always it.
    births = list(dict.fromkeys(step.etag.split("-")[0] for step in written if step.etag))
    deletions = [step for step in written if step.kind == "delete"]
    assert len(births) == len(lives), f"{row}: {len(lives)} creations, {births}"
    failure = None
    for order in itertools.permutations(births):
        for ends in itertools.permutations(deletions):
            try:
                places = explain(row, written, lives, order)
                place_deletions(row, lives, order, ends, places)
                check_times(row, steps, lives, order, places)
            except (AssertionError, ValueError) as error:
                failure = failure or error
                continue
            is_there = events and events[-1].change != "deleted"
            return f"{order[-1]}-{base36(events[-1].version)}" if is_there else None
    raise failure


def play(fleet, rows, seed):
    """Lets one schedule's clients go at once, and gives their steps by row."""
    chance = random.Random(seed)
    clients = [
        Client(fleet.worlds[index % 2], rows, chance.getrandbits(64)) for index in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(10 * ANSWER_MAX)
        assert not client.is_alive() and client.failure is None, client.failure
    steps = {row: [] for row in rows.names}
    for client in clients:
        for step in client.steps:
            steps[step.row].append(step)
    return steps


def present_etags(world, rows):
    """What a client finds: the etag of each row that is there."""
    agents = {agent.id: agent.etag for agent in world.all_agents()}
    numbers = {number.e164: number.etag for number in world.all_numbers()}
    return {row: {**agents, **numbers}.get(row) for row in rows.names}


def test_every_schedule_has_a_serial_explanation(fleet):
    seed = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"TRUNKLINE_SEED={seed} TRUNKLINE_SCHEDULES={SCHEDULES}")
    chance = random.Random(seed)
    first = fleet.worlds[0]
    account = first.account()
    provider = first.provider(account)
    # So that a snapshot is long enough to be cut.
    for _ in range(STANDING_NUMBERS):
        import_carrier_number(first, provider, account)
    followers = [Follower(world, fleet.stubs) for world in fleet.worlds]
    for follower in followers:
        wait_until(lambda follower=follower: follower.begin is not None, "the feed's snapshot")
    start = followers[0].begin
    assert start == followers[1].begin
    # One that stays at each registry, and some that are cut off and go on at either; later more of these.
    watchers = [NumberWatcher([world], 0, is_cut=False) for world in fleet.worlds]
    watchers += [NumberWatcher(fleet.worlds, chance.getrandbits(64)) for _ in range(2)]
    for watcher in watchers:
        wait_until(lambda watcher=watcher: watcher.is_level, "the watch's snapshot")
    early_count = len(number_changes(fleet, 0))
    first_ones = list(watchers)
    counts = {"acknowledged": 0, "refused": 0}
    sequence, known = start, set()
    try:
        for index in range(SCHEDULES):
            rows = types.SimpleNamespace(
                provider=provider, agents=[f"a{index}", f"b{index}"], number_ids={})  # fmt: skip
            e164s = [first.carrier_number(account)["phone_number"] for _ in range(2)]
            rows.names = [*rows.agents, *e164s]
            if index % LATE_WATCHER_EVERY == 1 and len(watchers) < WATCHERS_MAX:
                watchers.append(NumberWatcher(fleet.worlds, chance.getrandbits(64)))
            steps = play(fleet, rows, chance.getrandbits(64))
            # With what the end of the schedule before left to read.
            events = events_after(fleet, sequence)
            # No gap and no repeat: the sequence is the order of the commits.
            assert [event.sequence for _, event in events] == list(
                range(sequence + 1, sequence + 1 + len(events)))
            sequence += len(events)
            ends = check_schedule(rows, steps, events, known)
            assert present_etags(fleet.worlds[index % 2], rows) == ends, f"schedule {index}"
            clear(first, rows, ends)
            for all_steps in steps.values():
                for step in all_steps:
                    counts["acknowledged" if step.code is grpc.StatusCode.OK else "refused"] += 1
        finish_watches(first, provider, account, watchers)
        sequence += len(events_after(fleet, sequence))
        check_followers(fleet, followers, start, sequence)
        history = number_changes(fleet, 0)
        check_watchers(watchers, history)
        for watcher in first_ones:
            assert len(watcher.changes) == len(history) - early_count, "it began late"
    finally:
        for thread in [*followers, *watchers]:
            thread.stop()
    print(f"{SCHEDULES} schedules: {counts}, {sequence - start} changes")
    assert counts["refused"] > SCHEDULES and counts["acknowledged"] > SCHEDULES


def check_schedule(rows, steps, events, known):
    """Every row's history explains its answers. Gives the etag that each must have now. `known` are the
    numbers that clients were told of, in all schedules."""
    ids = {event.id for kind, event in events if kind == "number"}
    owner = {step.id: row for row in rows.names for step in steps[row] if step.id}
    known.update(owner)
    assert ids <= known, "a number that nobody was told of"
    ends = {}
    for row in rows.names:
        if row in rows.agents:
            own = [event for kind, event in events if kind == "agent" and event.id == row]
        else:
            own = [event for kind, event in events if kind == "number" and owner.get(event.id) == row]
        try:
            ends[row] = check_row(row, steps[row], own)
        except (AssertionError, KeyError) as error:
            story = "\n".join(map(str, sorted(steps[row], key=lambda step: step.begun)))
            lines = "\n".join(map(str, own))
            raise AssertionError(f"{error}\n{story}\n{lines}") from error
    return ends


def clear(world, rows, ends):
    """Leaves nothing of a schedule, so that lists stay short."""
    for row in rows.names:
        if ends[row] and row not in rows.agents:
            number = world.number(rows.number_ids[row])
            if number.agent_id:
                world.unassign(number)
            world.delete_number(number)
    for row in rows.agents:
        if ends[row]:
            world.agents.DeleteAgent(world.v1.DeleteAgentRequest(id=row), timeout=ANSWER_MAX)


def check_followers(fleet, followers, start, sequence):
    """A follower is told each thing's latest change, and every other at most once, in order."""
    history = {event.sequence: event.id for _, event in events_after(fleet, start)}
    latest = {}
    for number, id in history.items():
        latest[id] = number
    for follower in followers:
        wait_until(lambda follower=follower: follower.latest >= sequence, "the feed's end", ANSWER_MAX)
        numbers = [number for number, _ in follower.changes]
        assert numbers == sorted(set(numbers)), "a change came twice or too late"
        for number, id in follower.changes:
            assert history[number] == id
        assert set(latest.values()) <= set(numbers), "a change did not come"


def import_carrier_number(world, provider, account):
    held = world.carrier_number(account)
    return world.import_number(provider, held["phone_number"], supports_inbound=False)


def finish_watches(world, provider, account, watchers):
    """The last change of all, so that each watcher knows that it has seen everything."""
    number = import_carrier_number(world, provider, account)
    world.delete_number(number)
    for watcher in watchers:
        watcher.wait_for(NumberChange(number.id, version(number.etag), "deleted"))


def number_changes(fleet, sequence):
    return [
        NumberChange(event.id, event.version, event.change)
        for kind, event in events_after(fleet, sequence) if kind == "number"
    ]  # fmt: skip


def check_watchers(watchers, history):
    repeats = sum(check_watch(watcher.snapshot, watcher.changes, history) for watcher in watchers)
    moves = sum(watcher.moves for watcher in watchers)
    cuts = sum(watcher.cut_snapshots for watcher in watchers)
    print(
        f"{len(watchers)} watchers of {len(history)} changes of numbers went on elsewhere {moves} times, "
        f"within a snapshot {cuts} times, and knew {repeats} changes already")
    assert moves > len(watchers)


# The check itself


def told(kind, etag="", sent="", at=0.0, code=grpc.StatusCode.OK):
    return Step(kind, "a", sent=sent, begun=at, ended=at + 0.5, id="a", etag=etag, code=code)


def good_history():
    steps = [
        told("create", "x-1", at=0), told("update", "x-2", sent="x-1", at=1),
        told("update", sent="x-1", at=2, code=grpc.StatusCode.ABORTED), told("get", "x-2", at=3),
        told("delete", sent="x-2", at=4), told("get", at=5, code=grpc.StatusCode.NOT_FOUND),
        told("create", "y-1", at=6),
    ]  # fmt: skip
    changes = ["created", "updated", "deleted", "created"]
    events = [Event(n, "a", v, c) for n, (v, c) in enumerate(zip((1, 2, 2, 1), changes, strict=True), 1)]
    return steps, events


def lose_update(steps, events):
    """An update was acknowledged and overwritten: two came from one version."""
    steps.insert(2, told("update", "x-2", sent="x-1", at=1.2))


def forget_write(steps, events):
    """An acknowledged write is not in the feed."""
    del events[1]


def repeat_event(steps, events):
    events.insert(1, events[1])


def apply_refused(steps, events):
    """A refused write was done all the same."""
    events.insert(2, Event(9, "a", 3, "updated"))


def read_the_past(steps, events):
    """A read shows what was overwritten before it began."""
    steps[3].etag = "x-1"


def read_what_was_gone(steps, events):
    steps[5] = told("get", "x-2", at=5)


def refuse_the_present(steps, events):
    """A write was refused although its etag was the row's all the time."""
    steps[2].sent, steps[2].begun, steps[2].ended = "x-2", 2.0, 2.1


def go_back_in_time(steps, events):
    """The later of two changes was acknowledged before the earlier was asked for."""
    steps[1].begun, steps[1].ended = -2, -1


def test_the_check_takes_a_serial_history():
    steps, events = good_history()
    assert check_row("a", steps, events) == "y-1"


@pytest.mark.parametrize("damage", [
    lose_update, forget_write, repeat_event, apply_refused, read_the_past, read_what_was_gone,
    refuse_the_present, go_back_in_time,
])  # fmt: skip
def test_the_check_finds(damage):
    steps, events = good_history()
    damage(steps, events)
    with pytest.raises(AssertionError):
        check_row("a", steps, events)


def good_watch():
    """A snapshot in the middle of the history, which shows a part of what came while it was sent."""
    changes = [
        ("a", 1, "created"), ("b", 1, "created"), ("a", 2, "updated"), ("b", 1, "deleted"),
        ("c", 1, "created"), ("a", 3, "updated"),
    ]  # fmt: skip
    history = [NumberChange(*change) for change in changes]
    return types.SimpleNamespace(snapshot={"a": 2}, changes=history[2:], history=history)


def lose_change(watch):
    del watch.changes[2]


def lose_last_change(watch):
    del watch.changes[-1]


def repeat_change(watch):
    watch.changes.insert(1, watch.changes[0])


def swap_changes(watch):
    watch.changes[0], watch.changes[1] = watch.changes[1], watch.changes[0]


def leave_out_of_snapshot(watch):
    watch.snapshot = {}


def show_what_was_gone(watch):
    watch.changes, watch.snapshot = watch.changes[2:], {"a": 2, "b": 1}


def show_the_past(watch):
    watch.changes = watch.changes[1:]
    watch.snapshot = {"a": 1, "b": 1}


def show_the_future(watch):
    watch.snapshot["a"] = 4


def test_the_check_of_watches_takes_a_good_one():
    watch = good_watch()
    assert check_watch(watch.snapshot, watch.changes, watch.history) == 1
    assert check_watch({}, watch.history, watch.history) == 0


@pytest.mark.parametrize("damage", [
    lose_change, lose_last_change, repeat_change, swap_changes, leave_out_of_snapshot, show_what_was_gone,
    show_the_past, show_the_future,
])  # fmt: skip
def test_the_check_of_watches_finds(damage):
    watch = good_watch()
    damage(watch)
    with pytest.raises(AssertionError):
        check_watch(watch.snapshot, watch.changes, watch.history)
