"""Random schedules: a few clients at once do all that can be done with the same few numbers, while the
carrier fails now and then and others edit the numbers there; and what must hold when all came to rest.

A `Schedule` has a carrier account of its own, so that many are played at once. Its seed decides what each
client asks for, what goes wrong at the carrier and at which request; how clients meet is left to chance.
"""

import random
import re

import grpc

import harness
import world as worlds
from crash_matrix import SETTLE_MAX, FailedWork, Play, Scenario
from crash_stage import check_clear
from harness import wait_until
from number_clients import Client, Row, region_name, strikes
from world import ANSWER_MAX, request_id

CLIENTS = 3
# A play that prepares nothing.
NOTHING = Scenario("nothing", lambda play: None, None)
# Deletions that were refused so did nothing.
NOT_DELETED = {"PHONE_NUMBER_ASSIGNED", "PHONE_NUMBER_BUSY", "PHONE_NUMBER_NOT_CORRUPTED", "ETAG_MISMATCH"}


class Schedule(Play):
    """One schedule: made, `run`, and brought to its end by `finish`."""

    def __init__(self, fleet, seed):
        super().__init__(fleet, NOTHING)
        self.seed = seed
        chance = random.Random(seed)
        # As somebody saw it last: a number's id, anything's etag, a number's provider.
        self.ids, self.etags, self.homes = {}, {}, {}
        self.operations, self.repeatable = [], []
        self.agents = [self.world.agent() for _ in range(2)]
        self.links, self.first_keys = [], {}
        for region in chance.sample(harness.REGIONS, chance.choice((2, 3))):
            key = self.key(region)
            link = self.world.provider(self.account, region, key=key)
            self.links.append(link)
            self.first_keys[link.id] = self.pairs[key["sid"], key["secret"]]
        self.rows = []
        for _ in range(chance.choice((2, 3))):
            held = self.hold(chance.choice(harness.REGIONS), chance.choice((None, *harness.REGIONS)))
            if chance.random() < 0.8:
                self.learn(self.import_held(chance.choice(self.links), held))
            self.rows.append(Row(held))
        self.others = self.without_numbers()
        self.faults = strikes(chance)
        self.clients = [Client(self, index) for index in range(CLIENTS)]

    def run(self):
        self.begin_clients()
        self.join_clients()

    def begin_clients(self):
        self.subject.arm(*(strike for _, strike in self.faults))
        for client in self.clients:
            client.start()

    def join_clients(self):
        for client in self.clients:
            client.join()

    def finish(self):
        """Brings all to its end and checks it."""
        self.subject.disarm()
        for client in self.clients:
            if client.failure:
                raise client.failure
        self.settle()
        for number in self.listed():
            self.learn(number)
        self.check_operations()
        self.check_history()
        self.check_credentials()
        self.clean()
        self.check_agreement()
        for number in self.listed():
            self.delete(number)
        self.check_agreement()
        assert self.listed() == []

    @property
    def steps(self):
        return sorted((s for client in self.clients for s in client.steps), key=lambda s: s.begun)

    def told(self):
        """What happened, for one who looks for the reason."""
        struck = [
            f"{name}: {exchange.method} {exchange.door} {exchange.path}"
            for name, strike in self.faults for exchange in strike.struck
        ]  # fmt: skip
        return "\n".join([*map(str, self.steps), *struck])

    # What is there

    def learn(self, number):
        self.ids[number.e164] = number.id
        self.etags[number.id], self.homes[number.id] = number.etag, number.provider_id

    def forget(self, id):
        for e164, known in list(self.ids.items()):
            if known == id:
                self.ids[e164] = None

    def listed(self, who=None):
        """All its numbers, as `who` sees them."""
        world, found = (who or self).world, []
        for link in self.links:
            request = self.v1.ListPhoneNumbersRequest(provider_id=link.id, page_size=100)
            try:
                found += world.numbers.ListPhoneNumbers(request, timeout=ANSWER_MAX).phone_numbers
            except grpc.RpcError:
                if who is None:
                    raise
        return found

    def is_busy(self):
        state = self.v1.PhoneNumber
        numbers = self.listed()
        request = self.v1.ListOperationsRequest(
            state=self.v1.Operation.STATE_RUNNING, page_size=1000)
        running = self.world.operations.ListOperations(request, timeout=ANSWER_MAX).operations
        ids = {resource.id for resource in (*numbers, *self.links)}
        return any(n.state in (state.STATE_PROVISIONING, state.STATE_DELETING) for n in numbers) or any(
            getattr(operation, operation.WhichOneof("resource")) in ids for operation in running)

    def settle(self):
        wait_until(lambda: not self.is_busy(), "the end of all work", SETTLE_MAX, interval=0.5)

    def without_numbers(self):
        found = self.inventory()
        return [{k: v for k, v in part.items() if k != "numbers"} for part in found["accounts"]]

    # What must hold of what clients were told

    def check_operations(self):
        """Each has come to an end, and says clearly why it failed."""
        for id in self.operations:
            request = self.v1.GetOperationRequest(id=id)
            operation = self.world.operations.GetOperation(request, timeout=ANSWER_MAX).operation
            assert operation.state != operation.STATE_RUNNING, operation
            if operation.state == operation.STATE_FAILED:
                check_clear(FailedWork(operation.error))

    def check_history(self):
        """Numbers are there that were imported and not deleted, where they were moved, with whom they
        were given to."""
        numbers = {number.id: number for number in self.listed()}
        assert len({number.e164 for number in numbers.values()}) == len(numbers), "one is there twice"
        for step in self.steps:
            if step.method == "ImportPhoneNumber" and step.is_done:
                number = step.answer.phone_number
                is_kept = number.state == number.STATE_ACTIVE and not self.deletions(number.id)
                assert number.id in numbers or not is_kept, f"{number.id} is lost"
            if step.method in ("DeletePhoneNumber", "ForceDeletePhoneNumber") and step.is_done:
                last = step.answer.phone_number
                is_gone = step.method != "DeletePhoneNumber" or last.state == last.STATE_DELETING
                assert not is_gone or last.id not in numbers, f"{last.id} is still there"
        for number in numbers.values():
            allowed = explained(self.changes_of(number.id), "")
            assert number.agent_id in allowed, f"{number.id} has {number.agent_id}, not {allowed}"
            self.check_region(number)

    def operations_on(self, id):
        """Newest first."""
        request = self.v1.ListOperationsRequest(phone_number_id=id, page_size=1000)
        return self.world.operations.ListOperations(request, timeout=ANSWER_MAX).operations

    def deletions(self, id):
        """What may have removed it: also the repair of a number that is corrupted."""
        methods = ("DeletePhoneNumber", "ForceDeletePhoneNumber", "RepairPhoneNumber")
        return [
            step for step in self.steps if step.method in methods and step.request.id == id
            and not (step.refused and step.refused.reason in NOT_DELETED)
        ]  # fmt: skip

    def changes_of(self, id):
        methods = ("AssignPhoneNumber", "UnassignPhoneNumber")
        return [
            (step, getattr(step.request, "agent_id", ""))
            for step in self.steps if step.method in methods and step.request.id == id
        ]  # fmt: skip

    def check_region(self, number):
        """It is where the last move brought it; one that failed late may have done so, too."""
        for operation in self.operations_on(number.id):
            if operation.type == operation.TYPE_MOVE_PHONE_NUMBER:
                arrived = operation.steps[0].region == number.region
                if operation.state == operation.STATE_SUCCEEDED:
                    assert arrived, f"{number.id} is not where it was moved to"
                if arrived or operation.state == operation.STATE_SUCCEEDED:
                    return

    def check_credentials(self):
        """They are the last that were acknowledged; from here on no others are good."""
        for link in self.links:
            rotations = [
                (step, self.pairs[twilio.api_key_sid, twilio.api_key_secret]) for step in self.steps
                if step.method == "UpdateProvider" and step.request.provider.id == link.id
                for twilio in (step.request.provider.twilio,)
            ]  # fmt: skip
            allowed = explained(rotations, self.first_keys[link.id])
            shown = self.credentials(link)
            assert shown in allowed, f"{link.id} shows {shown}, not {allowed}"
            for pair, name in self.pairs.items():
                if name != shown and name in (self.first_keys[link.id], *(n for _, n in rotations)):
                    self.fleet.sim.control("DELETE", f"/keys/{pair[0]}")

    # What people do afterwards

    def clean(self):
        """Repairs what is marked or was edited, and removes what is not at the carrier any more."""
        edited = {row.e164 for row in self.rows if row.is_edited}
        gone = {row.e164 for row in self.rows if row.is_gone}
        for number in self.listed():
            state = number.State.Name(number.state)
            if number.state == number.STATE_CORRUPTED:
                self.world.unassign(number)
                self.repaired(number)
                assert number.id not in {n.id for n in self.listed()}, f"{state} is still there"
            elif number.e164 in gone:
                self.delete(number)
            elif number.state == number.STATE_DEGRADED or number.e164 in edited:
                self.repaired(number)

    def repaired(self, number):
        request = self.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
        operation = self.world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
        wait = self.v1.WaitOperationRequest(id=operation.id)
        end = self.world.operations.WaitOperation(wait, timeout=SETTLE_MAX).operation
        assert end.state == end.STATE_SUCCEEDED, f"{number} was not repaired: {end}"

    def delete(self, number):
        if number.agent_id:
            self.world.unassign(number)
        last = self.world.delete_number(number)
        assert last.state == last.STATE_DELETING, f"{number} was not deleted: {last}"

    # What must hold between registry and carrier

    def check_agreement(self):
        """Ours is what the registry has, at its place and nowhere else; all else is as it was."""
        numbers = {number.e164: number for number in self.listed()}
        for number in numbers.values():
            assert number.state == number.STATE_ACTIVE, number
            assert not number.leftovers and not number.pending_provider_id, number
        held = {n["phone_number"]: n for part in self.inventory()["accounts"] for n in part["numbers"]}
        assert set(held) == {row.e164 for row in self.rows if not row.is_gone}
        for row in self.rows:
            if not row.is_gone:
                self.check_number(row, held[row.e164], numbers.get(row.e164))
                self.check_claim(row, numbers.get(row.e164))
        assert self.without_numbers() == self.others

    def check_number(self, row, held, number):
        ours = None
        if number is not None:
            ours = region_name(self.v1, number.region)
        routes = row.routes if "route" not in row.abandoned else harness.REGIONS
        route = held["voice_region"]
        assert route == ours or ours is None and route in routes, f"{row.e164} goes to {route}: {number}"
        for region, record in held["configurations"].items():
            if region == ours:
                form = form_of(record, number, self.fleet)
                assert form == self.fleet.our_record, f"{row.e164} in {region}: {form}"
            elif region not in row.abandoned:
                for field, value in record.items():
                    allowed = row.allowed[region, field]
                    assert value in allowed, f"{row.e164} in {region}: {field} is {value}, not {allowed}"

    def check_claim(self, row, number):
        """It can be imported, and only if it is not."""
        request = self.v1.ImportPhoneNumberRequest(
            provider_id=self.links[0].id, e164=row.e164, validate_only=True)
        if number is None:
            self.world.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX)
        else:
            refused = worlds.refusal(self.world.numbers.ImportPhoneNumber, request)
            assert refused.code is grpc.StatusCode.ALREADY_EXISTS, refused


def explained(writes, first):
    """What may stand after writes, each a step and its value: the last of an order that agrees with the
    time. One whose answer was lost may be done at any time, or never."""
    done = [step for step, _ in writes if step.is_done]
    values = {
        value for step, value in writes
        if step.may_be_done and not any(other.begun > step.ended for other in done)
    }  # fmt: skip
    return values if done else values | {first}


def form_of(record, number, fleet):
    """A record of ours without what differs from one number to the next."""
    text = re.sub(r"/[0-9a-f]{32}\b", "/TOKEN", str(sorted(record.items())))
    return text.replace(number.id, "ID").replace(fleet.webhook_url, "WEBHOOKS")


def form_of_ours(play):
    """What an import that nothing disturbs writes to a record."""
    number = play.import_held(play.link("ie1"), play.hold("ie1"))
    record = play.world.at_carrier(number.carrier_sid)["configurations"]["ie1"]
    form = form_of(record, number, play.fleet)
    play.world.delete_number(number)
    return form
