"""Who acts in a random schedule of number_schedules.py: clients, the carrier's faults, and others who edit
numbers at the carrier."""

import dataclasses
import math
import random
import re
import threading
import time

import grpc

import harness
from carrier_hop import Strike
from crash_matrix import FAULTS, SETTLE_MAX
from crash_stage import check_clear
from world import Refusal, request_id

STEPS = 6
# Whose answers each schedule waits for: no schedule has more than so many faults.
FAULTS_MAX = 4
# The last request to the carrier that a fault may begin at, of those that the clients cause.
STRUCK_MAX = 30
# What clients do, and how often.
KINDS = {
    "import_number": 5, "move": 6, "assign": 3, "unassign": 1, "rotate": 2, "repair": 2, "delete": 3,
    "force_delete": 1, "sync": 2, "repeat": 2, "edit_webhook": 1.5, "edit_route": 1, "vanish": 0.3,
}  # fmt: skip
# What goes wrong at the carrier, and how often; a time-out takes 15 s.
STRUCK = {
    "401": 2, "403": 3, "404": 2, "409": 2, "429": 2, "500": 2, "500-done": 2, "timeout": 0.3,
    "timeout-done": 0.5, "broken": 2, "broken-done": 2, "broken-amid": 2, "broken-403": 1,
}  # fmt: skip
# Requests in a row that meet a refusal: some keep what is undone from being undone.
REFUSALS_MAX = 10


def chosen(chance, weights):
    return chance.choices(list(weights), list(weights.values()))[0]


def region_name(v1, region):
    """As the carrier names it."""
    return v1.Region.Name(region).removeprefix("REGION_").lower()


def honest(act):
    """Never says of something that is there that it is not, to one who asks: nobody could know better."""

    def on_writes(exchange, forward):
        return forward() if exchange.method == "GET" else act(exchange, forward)

    return on_writes


def strikes(chance):
    """What goes wrong at the carrier."""
    made = []
    for _ in range(chance.randint(0, FAULTS_MAX)):
        name = chosen(chance, STRUCK)
        fault = FAULTS[name]
        times = chance.randint(1, REFUSALS_MAX) if fault.is_refusal else fault.times
        # Where only writes are refused, it is known what stands there, and it can't be put back.
        is_honest = name == "404" or fault.is_refusal and chance.random() < 0.5
        act = honest(fault.act) if is_honest else fault.act
        made.append((name, Strike(chance.randint(1, STRUCK_MAX), act, times)))
    return made


@dataclasses.dataclass(eq=False)
class Step:
    """What a client asked, when, and what came of it."""

    method: str
    request: object
    begun: float
    ended: float = math.inf
    answer: object = None
    refused: Refusal | None = None
    # The server was killed before it answered.
    is_lost: bool = False

    @property
    def is_done(self):
        return self.answer is not None

    @property
    def may_be_done(self):
        return self.is_done or self.is_lost

    def __str__(self):
        asked = " ".join(str(self.request).split())
        asked = re.sub(r'(secret: ")[^"]*', r"\1…", asked)
        got = "lost" if self.is_lost else self.refused or "done"
        return f"{self.begun:.3f}–{self.ended:.3f} {self.method} {{ {asked} }} {got}"


class Row:
    """A number at the carrier: what stood there before the schedule, and what others wrote since."""

    def __init__(self, held):
        self.e164, self.sid = held["phone_number"], held["sid"]
        self.lock = threading.Lock()
        self.allowed = {
            (region, field): {value}
            for region, record in held["configurations"].items() for field, value in record.items()
        }  # fmt: skip
        self.routes = {held["voice_region"] or "us1"}
        self.is_edited = self.is_gone = False
        # Regions whose records, and "route" where the route, was given up by ForceDeletePhoneNumber.
        self.abandoned = set()

    def allow(self, region, **members):
        for field, value in members.items():
            self.allowed[region, field].add(value)
        # They are not put back where somebody else has said who answers.
        self.allowed[region, "voice_application_sid"].add("")


class Client(threading.Thread):
    """Makes its steps one after the other, and keeps what came of each."""

    def __init__(self, schedule, index):
        super().__init__(daemon=True)
        self.schedule, self.v1, self.fleet = schedule, schedule.v1, schedule.fleet
        self.chance = random.Random(f"{schedule.seed}/{index}")
        self.server = index % len(self.fleet.worlds)
        self.steps, self.failure = [], None

    @property
    def world(self):
        return self.fleet.worlds[self.server]

    def run(self):
        try:
            for _ in range(STEPS):
                self.row = self.chance.choice(self.schedule.rows)
                self.link = self.chance.choice(self.schedule.links)
                getattr(self, chosen(self.chance, KINDS))()
        except Exception as error:  # noqa: BLE001: shown by the test
            self.failure = error

    def ask(self, service, method, request):
        step = Step(method, request, time.monotonic())
        self.steps.append(step)
        try:
            step.answer = getattr(getattr(self.world, service), method)(request, timeout=SETTLE_MAX)
        except grpc.RpcError as error:
            step.refused = Refusal(error)
        ended = time.monotonic()
        refused = step.refused
        step.is_lost = (
            refused is not None and refused.code is grpc.StatusCode.UNAVAILABLE and not refused.reason
            and self.fleet.was_killed(self.server, step.begun, ended))
        if step.is_lost:
            # It may be done later, by whoever comes after; the client goes on at another server.
            self.server = (self.server + 1) % len(self.fleet.worlds)
        else:
            step.ended = ended
            check_clear(refused)
        self.learn(step)
        return step

    def ask_with_id(self, service, method, request):
        """With a request id most times, so that it can be repeated."""
        if self.chance.random() < 0.8:
            request.request_id = request_id()
            self.schedule.repeatable.append((service, method, request))
        step = self.ask(service, method, request)
        if step.is_lost and request.request_id:
            self.ask(service, method, request)

    def learn(self, step):
        if step.answer is None:
            if step.refused.code is grpc.StatusCode.NOT_FOUND:
                self.schedule.forget(getattr(step.request, "id", ""))
            return
        fields = step.answer.DESCRIPTOR.fields_by_name
        if "phone_number" in fields:
            self.schedule.learn(step.answer.phone_number)
        if "provider" in fields:
            self.schedule.etags[step.answer.provider.id] = step.answer.provider.etag
        if "operation" in fields and step.method != "WaitOperation":
            id = step.answer.operation.id
            self.schedule.operations.append(id)
            if self.chance.random() < 0.6:
                wait = self.v1.WaitOperationRequest(id=id)
                while self.ask("operations", "WaitOperation", wait).is_lost:
                    pass

    def number_id(self):
        """The resource of the number, or of one that is not there."""
        found = self.schedule.ids.get(self.row.e164)
        if found is None:
            for number in self.schedule.listed(self):
                self.schedule.learn(number)
            found = self.schedule.ids.get(self.row.e164)
        return found or "pn_" + "0" * 31 + "1"

    def etag_of(self, id):
        """One that somebody saw, or none."""
        return self.schedule.etags.get(id, "") if self.chance.random() < 0.4 else ""

    # What clients do

    def import_number(self):
        self.ask_with_id("numbers", "ImportPhoneNumber", self.v1.ImportPhoneNumberRequest(
            provider_id=self.link.id, e164=self.row.e164))

    def move(self):
        id = self.number_id()
        if self.schedule.homes.get(id) == self.link.id and self.chance.random() < 0.9:
            self.link = next(link for link in self.schedule.links if link is not self.link)
        self.ask_with_id("numbers", "MovePhoneNumber", self.v1.MovePhoneNumberRequest(
            id=id, provider_id=self.link.id, etag=self.etag_of(id)))

    def repair(self):
        id = self.number_id()
        self.ask_with_id("numbers", "RepairPhoneNumber", self.v1.RepairPhoneNumberRequest(
            id=id, etag=self.etag_of(id)))

    def sync(self):
        """Once the contract has it."""
        request_type = getattr(self.v1, "SyncProviderRequest", None)
        if request_type is not None:
            self.ask_with_id("providers", "SyncProvider", request_type(
                id=self.link.id, dry_run=self.chance.random() < 0.3))

    def repeat(self):
        if self.schedule.repeatable:
            self.ask(*self.chance.choice(self.schedule.repeatable))

    def assign(self):
        id = self.number_id()
        self.ask("numbers", "AssignPhoneNumber", self.v1.AssignPhoneNumberRequest(
            id=id, agent_id=self.chance.choice(self.schedule.agents).id, etag=self.etag_of(id)))

    def unassign(self):
        id = self.number_id()
        self.ask("numbers", "UnassignPhoneNumber", self.v1.UnassignPhoneNumberRequest(
            id=id, etag=self.etag_of(id)))

    def delete(self):
        id = self.number_id()
        if self.chance.random() < 0.7:
            self.ask("numbers", "UnassignPhoneNumber", self.v1.UnassignPhoneNumberRequest(id=id))
        step = self.ask("numbers", "DeletePhoneNumber", self.v1.DeletePhoneNumberRequest(
            id=id, etag=self.etag_of(id)))
        corrupted = self.v1.PhoneNumber.STATE_CORRUPTED
        if step.is_done and step.answer.phone_number.state == corrupted:
            getattr(self, self.chance.choice(("force_delete", "repair", "import_number")))()

    def force_delete(self):
        id = self.number_id()
        step = self.ask("numbers", "ForceDeletePhoneNumber", self.v1.ForceDeletePhoneNumberRequest(
            id=id, etag=self.etag_of(id)))
        if step.is_lost:
            self.row.abandoned |= {*harness.REGIONS, "route"}
        elif step.is_done:
            webhook = self.v1.PhoneNumber.Leftover.TYPE_WEBHOOK
            for left in step.answer.phone_number.leftovers:
                region = region_name(self.v1, left.region)
                self.row.abandoned.add(region if left.type == webhook else "route")

    def rotate(self):
        region = region_name(self.v1, self.link.region)
        key = self.schedule.key(region)
        self.ask("providers", "UpdateProvider", self.v1.UpdateProviderRequest(
            provider=self.v1.Provider(
                id=self.link.id, etag=self.etag_of(self.link.id), twilio=self.v1.Provider.Twilio(
                    api_key_sid=key["sid"], api_key_secret=key["secret"]))))

    # What others do at the carrier

    def edit(self, body):
        with self.row.lock:
            if not self.row.is_gone:
                self.row.is_edited = True
                self.at_carrier("POST", body)

    def at_carrier(self, method, body=None):
        step = Step(f"{method} at the carrier", f"{self.row.e164} {body}", time.monotonic())
        self.fleet.sim.control(method, f"/numbers/{self.row.sid}", body)
        step.ended, step.answer = time.monotonic(), True
        self.steps.append(step)

    def edit_webhook(self):
        region = self.chance.choice(harness.REGIONS)
        url = f"https://theirs{self.chance.randrange(100)}.example/voice"
        theirs = {"voice_url": url, "voice_method": "GET"}
        self.row.allow(region, **theirs)
        self.edit({"configurations": {region: theirs}})

    def edit_route(self):
        region = self.chance.choice(harness.REGIONS)
        self.row.routes.add(region)
        self.edit({"voice_region": region})

    def vanish(self):
        with self.row.lock:
            if not self.row.is_gone:
                self.row.is_gone = True
                self.at_carrier("DELETE")
