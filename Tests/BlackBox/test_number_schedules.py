"""Random schedules of parallel clients, carrier faults and edits on few numbers: see number_schedules.py.

One in four is played at two registries on one PostgreSQL, of which one is killed at a random moment and
starts again. TRUNKLINE_NUMBER_SCHEDULES says how many there are (200), TRUNKLINE_SEED which;
TRUNKLINE_NUMBER_SCHEDULE=postgres/4711 plays the one of that name alone.
"""

import collections
import itertools
import math
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import carrier_hop
import contract
import crash_stage
from carrier_hop import Strike
from crash_matrix import FORBIDDEN, SETTLE_MAX, Play
from harness import REGIONS, wait_until
from number_clients import STRUCK, Step, region_name
from number_schedules import NOTHING, Schedule, explained, form_of_ours
from world import ANSWER_MAX

COUNT = int(os.environ.get("TRUNKLINE_NUMBER_SCHEDULES", "200"))
SEED = int(os.environ.get("TRUNKLINE_SEED", random.SystemRandom().randrange(1 << 32)))
ONE = os.environ.get("TRUNKLINE_NUMBER_SCHEDULE")
POSTGRES_EVERY = 4
# Fewer works at a time than a registry has for one tenant.
PLAYED_AT_ONCE = 16
# Schedules that one kill hits.
KILLED_AT_ONCE = 25
# So few steps need not have everything in them.
FEW = 1000
# After a server is back its clients may not know it yet, for so many seconds.
RECONNECT_MAX = 5


class Stage:
    """What schedules want of a fleet."""

    move_overlap = "1s"

    def begin(self):
        # (server, when it was killed, when it was there again)
        self.outages = []
        self.schedules = []
        self.our_record = form_of_ours(Play(self, NOTHING))

    def was_killed(self, server, begun, ended):
        return any(
            killed == server and since <= ended and begun <= until + RECONNECT_MAX
            for killed, since, until in self.outages)

    def attempt(self, seed, results, step, *schedule):
        """One part of a schedule; what is wrong with it becomes its result."""
        made = schedule[0] if schedule else None
        try:
            return step(made) if schedule else step()
        except Exception as error:  # noqa: BLE001: it is the result of one schedule
            told = made.told() if made else "while it was made"
            results[seed] = AssertionError(f"{type(error).__name__}: {error}\n\n{told}")
            return None

    def make(self, seed, results):
        results[seed] = None
        schedule = self.attempt(seed, results, lambda: Schedule(self, seed))
        if schedule:
            self.schedules.append(schedule)
        return schedule


class OnSQLite(Stage, crash_stage.OnSQLite):
    def play(self, seeds):
        results = {}

        def play_one(seed):
            schedule = self.make(seed, results)
            if schedule:
                schedule.run()
                self.attempt(seed, results, Schedule.finish, schedule)

        with ThreadPoolExecutor(PLAYED_AT_ONCE) as pool:
            list(pool.map(play_one, seeds))
        return results


class OnPostgres(Stage, crash_stage.OnPostgres):
    """In rounds, with a kill in each."""

    def play(self, seeds):
        results = {}
        with ThreadPoolExecutor(KILLED_AT_ONCE) as pool:
            for begin in range(0, len(seeds), KILLED_AT_ONCE):
                self.play_round(seeds[begin : begin + KILLED_AT_ONCE], results, pool)
        return results

    def play_round(self, seeds, results, pool):
        made = [s for s in pool.map(lambda seed: self.make(seed, results), seeds) if s]
        chance = random.Random(seeds[0])
        for schedule in made:
            schedule.begin_clients()
        self.restart(chance, made)
        for schedule in made:
            schedule.join_clients()
        for world in self.worlds:
            world.connect()
        list(pool.map(lambda s: self.attempt(s.seed, results, Schedule.finish, s), made))

    def restart(self, chance, schedules):
        """Kills a registry after some request to the carrier, and starts it again."""
        server = chance.randrange(len(self.servers))
        moment = chance.randrange(1, 15 * len(schedules) + 1)
        wait_until(
            lambda: sum(len(s.subject.log) for s in schedules) >= moment
            or not any(client.is_alive() for s in schedules for client in s.clients),
            "the moment of the kill", SETTLE_MAX)
        index = len(self.outages)
        since = time.monotonic()
        self.outages.append((server, since, math.inf))
        self.servers[server].kill()
        self.servers[server].start()
        self.outages[index] = (server, since, time.monotonic())


STORES = {"sqlite": OnSQLite, "postgres": OnPostgres}


def chosen_schedules():
    """Store and seed of each."""
    if ONE:
        store, seed = ONE.split("/")
        return [(store, int(seed))]
    return [
        ("sqlite" if index % POSTGRES_EVERY else "postgres", SEED + index) for index in range(COUNT)
    ]  # fmt: skip


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("store, seed", chosen_schedules())


@pytest.fixture(scope="module")
def results(stubs, tmp_path_factory, request):
    """By store and seed what is wrong: all that were chosen are played when the first is asked for."""
    seeds = {}
    for item in request.session.items:
        if hasattr(item, "callspec") and "seed" in item.callspec.params:
            seeds.setdefault(item.callspec.params["store"], []).append(item.callspec.params["seed"])

    def play(store):
        fleet = STORES[store](stubs, tmp_path_factory.mktemp(store))
        with fleet.running():
            fleet.begin()
            ends = fleet.play(seeds[store])
            running = stubs.v1.ListOperationsRequest(state=stubs.v1.Operation.STATE_RUNNING)
            left = fleet.world.operations.ListOperations(running, timeout=ANSWER_MAX).operations
            return ends | {
                "left": list(left), "steps": [step for s in fleet.schedules for step in s.steps],
                "struck": [
                    name for s in fleet.schedules for name, strike in s.faults if strike.struck],
                "ours": [
                    entry for entry in fleet.world.audit()["configurations"]
                    if (entry["phone_number"], entry["region"]) not in abandoned(fleet)
                ],
            }  # fmt: skip

    with ThreadPoolExecutor(len(STORES)) as pool:
        return dict(zip(seeds, pool.map(play, seeds), strict=True))


def abandoned(fleet):
    return {(row.e164, region) for s in fleet.schedules for row in s.rows for region in row.abandoned}


def test_schedule(store, seed, results):
    if (wrong := results[store][seed]) is not None:
        raise AssertionError(f"TRUNKLINE_NUMBER_SCHEDULE={store}/{seed}\n{wrong}")


def played(results, store):
    if store not in results:
        pytest.skip("no schedule of it was chosen")
    return results[store]


@pytest.mark.parametrize("store", STORES)
def test_nothing_goes_on_afterwards(store, results):
    assert played(results, store)["left"] == []


@pytest.mark.parametrize("store", STORES)
def test_nothing_of_ours_is_at_the_carrier(store, results):
    ends = played(results, store)
    if any(ends[item] for item in ends if isinstance(item, int)):
        pytest.skip("schedules that failed have left theirs")
    assert ends["ours"] == []


def test_schedules_do_all_of_it(results, capsys):
    """Each kind of work was done and refused, faults struck, and answers were lost by kills."""
    steps = [step for ends in results.values() for step in ends["steps"]]
    struck = collections.Counter(name for ends in results.values() for name in ends["struck"])
    done = collections.Counter(step.method for step in steps if step.is_done)
    refused = collections.Counter(step.method for step in steps if step.refused)
    with capsys.disabled():
        lost = sum(step.is_lost for step in steps)
        print(
            f"\nnumber schedules: TRUNKLINE_SEED={SEED}, {len(steps)} steps, {sum(done.values())} done, "
            f"{lost} answers lost, {sum(struck.values())} faults")
    if len(steps) > FEW:
        asked = {"ImportPhoneNumber", "MovePhoneNumber", "AssignPhoneNumber", "UpdateProvider",
                 "RepairPhoneNumber", "DeletePhoneNumber"}  # fmt: skip
        assert asked <= set(done) and asked <= set(refused)
        assert ("SyncProvider" in done) == ("ProviderService.SyncProvider" in contract.methods())
        assert set(struck) >= {name for name, weight in STRUCK.items() if weight >= 2}


# The checks themselves


@pytest.fixture(scope="module")
def quiet(stubs, tmp_path_factory):
    """A stage on which nothing else is played."""
    stage = OnSQLite(stubs, tmp_path_factory.mktemp("quiet"))
    with stage.running():
        stage.begin()
        yield stage


def settled(stage):
    """A schedule in which no client did anything, with a number that is ours and one that is not."""
    for seed in itertools.count():
        schedule = Schedule(stage, seed)
        ours = {number.e164: number for number in schedule.listed()}
        if 0 < len(ours) < len(schedule.rows):
            schedule.check_agreement()
            return schedule, ours


def edit(schedule, sid, **members):
    schedule.fleet.sim.control("POST", f"/numbers/{sid}", members)


def regions(schedule, number):
    own = region_name(schedule.v1, number.region)
    return own, next(region for region in REGIONS if region != own)


def lose_webhook(schedule, number, other):
    own, _ = regions(schedule, number)
    edit(schedule, number.carrier_sid, configurations={own: {"voice_url": "https://theirs.example/"}})


def lose_status_callback(schedule, number, other):
    own, _ = regions(schedule, number)
    edit(schedule, number.carrier_sid, configurations={own: {"status_callback": ""}})


def lose_route(schedule, number, other):
    edit(schedule, number.carrier_sid, voice_region=regions(schedule, number)[1])


def leave_ours_in_another_region(schedule, number, other):
    own, elsewhere = regions(schedule, number)
    record = schedule.world.at_carrier(number.carrier_sid)["configurations"][own]
    edit(schedule, number.carrier_sid, configurations={elsewhere: {"voice_url": record["voice_url"]}})


def leave_ours_on_another_number(schedule, number, other):
    own, _ = regions(schedule, number)
    record = schedule.world.at_carrier(number.carrier_sid)["configurations"][own]
    edit(schedule, other.sid, configurations={own: {"status_callback": record["status_callback"]}})


def leave_route(schedule, number, other):
    route = next(region for region in REGIONS if region not in other.routes)
    edit(schedule, other.sid, voice_region=route)


def lose_number(schedule, number, other):
    schedule.fleet.sim.control("DELETE", f"/numbers/{other.sid}")


def make_trunk(schedule, number, other):
    schedule.fleet.sim.control("POST", "/trunks", {"account_sid": schedule.account["sid"], "region": "us1"})


@pytest.mark.parametrize("damage", [
    lose_webhook, lose_status_callback, lose_route, leave_ours_in_another_region,
    leave_ours_on_another_number, leave_route, lose_number, make_trunk,
])  # fmt: skip
def test_the_comparison_finds(damage, quiet):
    schedule, ours = settled(quiet)
    other = next(row for row in schedule.rows if row.e164 not in ours)
    damage(schedule, next(iter(ours.values())), other)
    with pytest.raises(AssertionError):
        schedule.check_agreement()


def write(value, begun, ended, is_done=True):
    return Step("x", None, begun, ended if is_done else math.inf, True if is_done else None,
                is_lost=not is_done), value


@pytest.mark.parametrize("writes, values", [
    ([], {""}),
    ([write("a", 1, 2), write("b", 3, 4)], {"b"}),
    ([write("a", 1, 4), write("b", 2, 3)], {"a", "b"}),
    ([write("a", 1, 2), write("b", 0, 0, is_done=False)], {"a", "b"}),
    ([write("a", 1, 2, is_done=False)], {"", "a"}),
])  # fmt: skip
def test_what_an_order_explains(writes, values):
    assert explained(writes, "") == values


# Moves that could not put everything back


def with_leftovers(quiet):
    """A number of ie1 whose move from us1 could not put back what stood there, the play, and its home."""
    play = Play(quiet, NOTHING)
    home, target = play.link("us1"), play.link("ie1")
    number = play.import_held(home, play.hold("us1"))
    play.subject.arm(Strike(1, refused_in_us1, times=None))
    move(play, number, target)
    play.subject.disarm()
    number = play.world.number(number.id)
    assert number.state == number.STATE_DEGRADED and number.leftovers
    return play, number, home


def move(play, number, target):
    play.ask = "numbers", "MovePhoneNumber", play.v1.MovePhoneNumberRequest(
        id=number.id, provider_id=target.id)
    play.request()
    play.settle()


def refused_in_us1(exchange, forward):
    is_write = exchange.method == "POST" and exchange.door == "us1"
    return FORBIDDEN(exchange, forward) if is_write else forward()


def check_put_back(play, number):
    play.world.delete_number(number)
    after = play.world.at_carrier(number.carrier_sid)["configurations"]["us1"]
    assert after["voice_url"] == "https://us1.example/voice"


def test_a_deletion_puts_back_what_a_move_left(quiet):
    play, number, _ = with_leftovers(quiet)
    check_put_back(play, number)


def test_a_move_back_knows_what_a_move_left(quiet):
    play, number, home = with_leftovers(quiet)
    move(play, number, home)
    moved = play.world.number(number.id)
    assert moved.provider_id == home.id and moved.former.voice_url == "https://us1.example/voice"
    check_put_back(play, moved)


def test_a_move_goes_where_one_has_failed(quiet):
    play = Play(quiet, NOTHING)
    target = play.link("us1")
    number = play.import_held(play.link("ie1"), play.hold("ie1"))
    play.subject.arm(Strike(1, refused_in_us1, times=None, shape="POST-routes-PhoneNumbers-item"))
    move(play, number, target)
    play.subject.disarm()
    failed = play.world.number(number.id)
    assert failed.provider_id == number.provider_id and failed.leftovers
    move(play, number, target)
    assert play.world.number(number.id).state == number.STATE_ACTIVE
    held = play.world.at_carrier(number.carrier_sid)
    assert held["voice_region"] == "us1"
    assert held["configurations"]["us1"]["voice_url"].startswith(quiet.webhook_url)


def test_a_number_whose_import_goes_on_is_not_repaired(quiet):
    play = Play(quiet, NOTHING)
    provider, held = play.link("us1"), play.hold("us1")
    play.ask = "numbers", "ImportPhoneNumber", play.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"])
    strike = Strike(1, carrier_hop.held_answer, shape="POST-api-IncomingPhoneNumbers-item")
    play.subject.arm(strike)
    answer = play.begin()
    wait_until(lambda: strike.struck and strike.struck[0].is_held.is_set(), "the import is held")
    [number] = play.numbers([provider])
    play.ask = play.repairing(number)
    refused = play.request()
    strike.struck[0].is_released.set()
    assert answer.result().phone_number.id == number.id
    assert refused.reason == "PHONE_NUMBER_BUSY", refused


def test_a_repair_puts_back_what_a_move_left(quiet):
    play, number, _ = with_leftovers(quiet)
    play.ask = play.repairing(number)
    assert play.request() is None
    check_put_back(play, number)
