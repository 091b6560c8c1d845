"""Where the cases of the crash matrix are played, and how each must end."""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import grpc

import carrier_hop
import harness
import postgres
import world as worlds
from carrier_hop import Strike
from crash_matrix import Play, refusal_of, same
from harness import wait_until

# Operations under way when the server is killed: fewer than it has works for one tenant, and requests.
KILLED_AT_ONCE = 40
# Faults that are played at once.
PLAYED_AT_ONCE = 48
# What a clear error may be.
REFUSED = {
    grpc.StatusCode.ABORTED, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip


class Fleet:
    """carrier-sim, the hop before it, and registries whose store can be kept from being written."""

    # How long both regions answer after a move.
    move_overlap = "0s"
    # How long a number may come to be bought after the answer was lost.
    purchase_settling = "2s"

    def __init__(self, stubs, folder):
        self.stubs, self.folder = stubs, folder
        self.hook = f"127.0.0.1:{harness.free_port()}"
        self.webhook_url = f"http://{self.hook}"

    @contextlib.contextmanager
    def running(self):
        with contextlib.ExitStack() as stack:
            self.sim = harness.CarrierSim(self.folder)
            stack.callback(self.sim.stop)
            self.sim.start()
            self.hop = stack.enter_context(carrier_hop.Hop(self.sim))
            options = self.prepare(stack)
            self.servers = [
                harness.Trunklined(
                    self.folder / f"registry{number}", self.hop, roles="registry", auth=False,
                    webhook_address=self.hook,
                    **option | {"arguments": [
                        f"--move-overlap={self.move_overlap}",
                        f"--purchase-settling={self.purchase_settling}",
                        *option.get("arguments", [])]})
                for number, option in enumerate(options, 1)
            ]  # fmt: skip
            for server in self.servers:
                stack.callback(server.stop)
                server.start()
            self.worlds = [worlds.World(self.stubs, self.sim, server) for server in self.servers]
            for world in self.worlds:
                stack.callback(world.close)
            # Who is asked, and killed.
            self.first = 0
            yield self

    @property
    def world(self):
        return self.worlds[self.first]

    def kill(self, let_go):
        """Kills the first registry after `let_go`, and what it then wants to store is not stored."""
        with self.no_writes():
            let_go()
            self.servers[self.first].kill()
            self.forget_killed()

    def forget_killed(self):
        """What the store's own server still does for the one that was killed is ended."""


class OnSQLite(Fleet):
    """One registry, which comes back after a kill."""

    LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""

    def prepare(self, stack):
        return [{}]

    @contextlib.contextmanager
    def no_writes(self):
        # In a process of its own, which is killed too: closing the files in order would tidy them up.
        database = self.servers[0].data_dir / "registry.db"
        holder = subprocess.Popen(
            [sys.executable, "-c", self.LOCK, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with holder:
            try:
                assert holder.stdout.readline() == b"locked\n"
                yield
            finally:
                holder.kill()

    def take_over(self):
        self.servers[0].start()
        self.worlds[0].connect()

    def restore(self):
        pass


class OnPostgres(Fleet):
    """Two registries; the second takes over what the first was killed in."""

    def prepare(self, stack):
        # Not in pytest's folder, which any other pytest that starts shuts to the database's user.
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-pg-")))
        self.database = postgres.Server(folder / "pg", ["fsync = off"])
        self.name = stack.enter_context(self.database).make_database("registry")
        keyring = self.folder / "keyring"
        return [
            {
                "keyring": keyring,
                "arguments": [f"--database={self.database.url(self.name, application_name=name)}"],
            }
            for name in ("registry1", "registry2")
        ]  # fmt: skip

    @contextlib.contextmanager
    def no_writes(self):
        tables = self.database.sql(
            "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'", self.name)
        holder = self.database.session(self.name)
        with holder:
            try:
                lock = f"BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE; SELECT 'locked';\n"
                holder.stdin.write(lock.encode())
                holder.stdin.flush()
                assert holder.stdout.readline() == b"locked\n"
                yield
            finally:
                holder.kill()

    def forget_killed(self):
        # A statement that waits for the lock would be carried out once it is gone.
        whose = f"application_name = 'registry{self.first + 1}'"
        self.database.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whose}")
        wait_until(
            lambda: self.database.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {whose}") == "0",
            "the connections of the killed registry are gone")

    def take_over(self):
        self.killed, self.first = self.first, 1 - self.first

    def restore(self):
        self.servers[self.killed].start()
        self.worlds[self.killed].connect()


# How cases are played


def play_all(fleet, cases):
    """Plays the cases; by case what is wrong with it, or None."""
    kills = [case for case in cases if case.is_kill]
    # Those that wait for a time-out first.
    faults = sorted((case for case in cases if not case.is_kill), key=lambda c: "timeout" not in c.moment)
    results = {}
    with ThreadPoolExecutor(PLAYED_AT_ONCE) as pool:

        def play_faults():
            ends = pool.map(lambda case: _attempt(play_fault, fleet, case), faults)
            return list(zip(faults, ends, strict=True))

        for begin in range(0, len(kills), KILLED_AT_ONCE):
            with kill_together(fleet, kills[begin : begin + KILLED_AT_ONCE], results):
                # While the first works are taken over.
                if begin == 0:
                    results |= {case: wrong for case, (_, wrong) in play_faults()}
        if not kills:
            results |= {case: wrong for case, (_, wrong) in play_faults()}
    return results


def _attempt(body, *arguments):
    """What comes of it, and what is wrong with it; one of both."""
    try:
        return body(*arguments), None
    except Exception as error:  # noqa: BLE001: it is the result of one case, and told as that
        return None, error


def prepared(fleet, case):
    play = Play(fleet, case.scenario)
    same(play.view(), case.recording.start)
    return play


def armed(play, case, act):
    strike = Strike(case.step, act, case.fault.times)
    play.subject.arm(strike, *case.scenario.obstacles())
    return strike


def check_struck(case, strike):
    assert strike.struck, "The request did not come."
    shape = case.recording.steps[case.step - 1]
    assert strike.struck[0].shape == shape, f"{strike.struck[0].shape} came instead."


# Kills


@contextlib.contextmanager
def kill_together(fleet, cases, results):
    """Kills the server once, while each case's operation is at its moment. Whoever takes over is there in the
    body; after it each case has its result."""
    with ThreadPoolExecutor(KILLED_AT_ONCE) as pool:
        made = list(pool.map(lambda case: _attempt(prepared, fleet, case), cases))
        results |= {case: wrong for case, (_, wrong) in zip(cases, made, strict=True)}
        plays = {case: play for case, (play, _) in zip(cases, made, strict=True) if play}
        strikes = {case: armed(play, case, case.fault.act) for case, play in plays.items()}
        answers = {case: play.begin() for case, play in plays.items()}
        for case, strike in strikes.items():
            _, results[case] = _attempt(wait_until_held, strike, case, answers[case])
        held = {case: strikes[case].struck[0] for case in plays if results[case] is None}

        def let_go():
            answered = [x for case, x in held.items() if case.moment == "kill-answered"]
            for case, exchange in held.items():
                if exchange.is_given_up:
                    results[case] = AssertionError("The server did not wait until it was killed.")
            for exchange in answered:
                exchange.is_released.set()
            carrier_hop.wait_until_read(answered)

        fleet.kill(let_go)
        for answer in answers.values():
            refusal_of(answer)
        for exchange in held.values():
            exchange.is_released.set()
        fleet.take_over()
        ends = pool.map(lambda case: _attempt(check_kill, plays[case], case), held)
        yield
        for case, (_, wrong) in zip(held, list(ends), strict=True):
            results[case] = results[case] or wrong
    fleet.restore()


def wait_until_held(strike, case, answer):
    def is_held():
        return strike.struck and strike.struck[0].is_held.is_set()

    wait_until(lambda: is_held() or answer.done(), f"{case} is held")
    check_struck(case, strike)


def check_kill(play, case):
    """The work was ended by who came after: as if nothing had been asked, or as it should be."""
    if not case.fault.is_refusal:
        play.subject.disarm()
    if case.is_odd:
        # Somebody asks again at once, while nobody has taken the work up.
        check_clear(play.request())
    play.settle()
    play.subject.disarm()
    check_end(play, case)


# Faults


def play_fault(fleet, case):
    """The request meets its fault; then the carrier is well again."""
    play = prepared(fleet, case)
    sid = next((sid for sid, name in play.names.items() if name == "number"), None)

    def vanished(exchange, forward):
        fleet.sim.control("DELETE", f"/numbers/{sid}")
        return forward()

    strike = armed(play, case, case.fault.act or vanished)
    refused = play.request()
    check_clear(refused)
    play.settle()
    play.subject.disarm()
    check_struck(case, strike)
    if case.moment == "vanished":
        check_vanished(play.view())
    elif case.is_lie and is_unfinished(play.view()):
        mend(play)
        same(play.view(), case.recording.start, case.recording.end)
    elif case.is_lie and case.scenario.name.startswith("release"):
        check_given_up(play.view(), case.recording.start)
    elif case.is_lie:
        check_parts(play.view(), case.recording.start, case.recording.end)
    else:
        state = check_end(play, case)
        assert state == 1 or refused is not None, "It was answered, and not done."


# What must hold


def check_end(play, case):
    """All is as before or as it should be, and stays so when it is asked for again; which of both."""
    view = play.view()
    if case.fault.is_refusal and is_corrupted(view):
        check_leftovers(view, case.recording.vacant, case.doubt)
        [number] = play.numbers(play.providers())
        play.world.delete_number(number)
        play.settle()
        view = play.view()
    elif case.fault.is_refusal and view["numbers"] and view["numbers"][0].get("leftovers"):
        # It works, and something is left where it is of no use.
        [number] = play.numbers(play.providers())
        assert number.state == play.v1.PhoneNumber.STATE_DEGRADED
        play.ask = play.repairing(number)
        assert (refused := play.request()) is None, refused
        play.settle()
        return same(play.view(), case.recording.start, case.recording.end)
    elif is_unfinished(view):
        mend(play)
        view = play.view()
    state = same(view, case.recording.start, case.recording.end)
    check_repeat(play, case, state)
    return state


def is_unfinished(view):
    """What was bought is kept, and could not be set up or given up."""
    return any(
        number.get("provisioned") and number["state"] == "STATE_DEGRADED" for number in view["numbers"])


def mend(play):
    """A repair goes on with it, and buys nothing."""
    [number] = play.numbers(play.providers())
    asked, play.ask = play.ask, play.repairing(number)
    assert (refused := play.request()) is None, refused
    play.ask = asked
    play.settle()


def is_corrupted(view):
    return any(number["state"] == "STATE_CORRUPTED" for number in view["numbers"])


def check_clear(refused):
    """An error is one that a client can act on."""
    assert refused is None or refused.code in REFUSED and refused.reason, str(refused)


def check_repeat(play, case, state):
    """The same request again is refused and changes nothing, or gives what there is, or does it now."""
    ids = play.ids()
    refused = play.request()
    check_clear(refused)
    play.settle()
    after = same(play.view(), case.recording.start, case.recording.end)
    assert after == (1 if refused is None else state), f"{state} became {after}: {refused}"
    assert state == 0 or play.ids() == ids, "It is done, and was done a second time."


def check_vanished(view):
    """Nothing of a number that is gone is left, or it is thought to be there; no work is stuck."""
    assert [part["numbers"] for part in view["carrier"]["accounts"]] == [[]]
    assert all(number["state"] == "STATE_ACTIVE" for number in view["numbers"])
    if not view["numbers"]:
        made = [*view["carrier"]["accounts"], view["carrier"].get("livekit", {})]
        assert all(not things for part in made for things in part.values()), made


def check_given_up(view, start):
    """A number that the carrier says is away is not ours any more; what it has is put back, or ours."""
    assert view["numbers"] == []
    before = dict(leaves(start["carrier"]))
    for path, value in leaves(view["carrier"]):
        assert value in (before.get(path), "", "us1", "POST"), f"{path} is {value}"


def check_parts(view, start, end):
    """Each thing at the carrier is as it was before or as it should be; no work is stuck."""
    assert all(number["state"] in ("STATE_ACTIVE", "STATE_CORRUPTED") for number in view["numbers"])
    for path, value in leaves(view["carrier"]):
        assert value in (dict(leaves(start["carrier"])).get(path), dict(leaves(end["carrier"])).get(path)), (
            f"{path} is {value}")


def leaves(value, path=()):
    """The values in nested lists and objects, with where they are."""
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))
    else:
        yield path, value


def kind_at(path, by_trunk):
    """The type of a leftover at a place of the inventory."""
    if "voice_region" in path:
        return "TYPE_PROCESSING_REGION"
    if path[0] == "livekit":
        return LIVEKIT_KINDS[path[1]]
    # ("accounts", 0, "trunks", 0, "origination_urls", ...)
    if path[2] == "trunks":
        return TRUNK_KINDS.get(path[4], "TYPE_TRUNK")
    if path[2] == "credential_lists":
        return "TYPE_CREDENTIAL_LIST"
    return "TYPE_TRUNK_NUMBER" if by_trunk else "TYPE_WEBHOOK"


LIVEKIT_KINDS = {
    "inbound_trunks": "TYPE_GATEWAY_INBOUND_TRUNK", "outbound_trunks": "TYPE_GATEWAY_OUTBOUND_TRUNK",
    "dispatch_rules": "TYPE_DISPATCH_RULE",
}  # fmt: skip
TRUNK_KINDS = {
    "origination_urls": "TYPE_ORIGINATION_URL", "credential_lists": "TYPE_TRUNK_CREDENTIAL_LIST",
    "phone_numbers": "TYPE_TRUNK_NUMBER",
}  # fmt: skip


def orphans(fleet):
    """What bears our name and no number's that there is."""
    numbers = {number.id for number in fleet.world.all_numbers()}
    text = json.dumps(fleet.sim.control("GET", "/inventory"))
    return set(re.findall(r"\btrunkline-(pn_[0-9a-f]{32})\b", text)) - numbers


def check_leftovers(view, vacant, doubt=frozenset()):
    """A corrupted number says exactly what at the carrier differs from what was there before us, and
    besides at most what is in doubt."""
    [number] = view["numbers"]
    before = dict(leaves(vacant["carrier"]))
    by_trunk = number.get("ingress") == "INGRESS_TRUNK"
    kinds = {
        kind_at(path, by_trunk) for path, value in leaves(view["carrier"]) if before.get(path) != value
    }  # fmt: skip
    # A credential goes with its list.
    said = {leftover["type"] for leftover in number.get("leftovers", [])} - {"TYPE_CREDENTIAL"}
    assert kinds <= said <= kinds | set(doubt), f"left are {sorted(kinds)}, it says {sorted(said)}"
    for leftover in number["leftovers"] if by_trunk else []:
        has_name = leftover["type"] not in ("TYPE_TRUNK_NUMBER", "TYPE_PROCESSING_REGION")
        assert bool(leftover.get("name")) == has_name, leftover
