"""Numbers that somebody changes at the carrier behind our back: the sweep sees it, says it, and sees it mended."""

import re
import urllib.request

import pytest
from twilio.rest import Client

import doctor_trunks
import harness
import postgres
from carrier import Redirected
from harness import wait_until
from number_watchers import NumberWatcher
from world import ANSWER_MAX, World, deployment, request_id

# Each look at the carrier begins so long after the one before.
INTERVAL = "100ms"


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    with deployment(stubs, folder, arguments=[f"--sweep-interval={INTERVAL}"]) as world:
        yield world


@pytest.fixture(scope="module")
def watcher(world):
    watcher = NumberWatcher([world], seed=1, is_cut=False)
    yield watcher
    watcher.is_over = True
    watcher.call.cancel()
    assert watcher.failure is None


def reasons(number):
    """What the number's conditions say is not so: type -> reason."""
    return {c.type: c.reason for c in number.conditions if c.status == c.STATUS_FALSE}


def settled(world, number, **expected):
    """The number once its failing conditions are exactly these: type=reason."""

    def ready():
        found = world.number(number.id)
        return found if reasons(found) == expected else None

    state = world.v1.PhoneNumber.STATE_DEGRADED if expected else world.v1.PhoneNumber.STATE_ACTIVE
    found = wait_until(ready, f"{number.id} with {expected or 'no drift'}")
    assert found.state == state
    return found


def degraded(world):
    request = world.v1.ListPhoneNumbersRequest(state=world.v1.PhoneNumber.STATE_DEGRADED)
    return {n.id for n in world.numbers.ListPhoneNumbers(request, timeout=ANSWER_MAX).phone_numbers}


def told(watcher, number):
    """The versions of the number that the watcher was told of."""
    return [change.version for change in watcher.changes if change.id == number.id]


def edit(world, number, region, **members):
    """Somebody changes the number's record of a region at the carrier."""
    body = {"configurations": {region: members}}
    world.sim.control("POST", f"/numbers/{number.carrier_sid}", body)


def route(world, number, region):
    world.sim.control("POST", f"/numbers/{number.carrier_sid}", {"voice_region": region})


def record(world, number, region):
    return world.at_carrier(number.carrier_sid)["configurations"][region]


EDITS = {
    "webhook": ({"voice_url": "https://user:secret@dialler.example/take?key=secret"},
                {"WEBHOOK": "WEBHOOK_REPLACED"}),
    "no webhook": ({"voice_url": ""}, {"WEBHOOK": "WEBHOOK_REMOVED"}),
    "application": ({"voice_application_sid": "AP" + "1" * 32},
                    {"WEBHOOK_OVERRIDE": "OVERRIDDEN_BY_APPLICATION"}),
    "trunk": ({"trunk_sid": "TK" + "1" * 32}, {"WEBHOOK_OVERRIDE": "OVERRIDDEN_BY_TRUNK"}),
    "fallback": ({"voice_fallback_url": "https://dialler.example/fallback"},
                 {"FALLBACK_WEBHOOK": "FALLBACK_WEBHOOK_REPLACED"}),
    "status callback": ({"status_callback": "https://dialler.example/status"},
                        {"STATUS_CALLBACK": "STATUS_CALLBACK_REPLACED"}),
    "everything": ({"voice_url": "", "voice_fallback_url": "", "status_callback": "",
                    "trunk_sid": "TK" + "2" * 32},
                   {"WEBHOOK": "WEBHOOK_REMOVED", "WEBHOOK_OVERRIDE": "OVERRIDDEN_BY_TRUNK",
                    "FALLBACK_WEBHOOK": "FALLBACK_WEBHOOK_REPLACED",
                    "STATUS_CALLBACK": "STATUS_CALLBACK_REPLACED"}),
}


@pytest.mark.parametrize("kind", EDITS)
def test_settings_changed_behind_our_back_are_seen_and_told_and_healed(world, watcher, kind):
    members, expected = EDITS[kind]
    number = world.number_of("ie1")
    before = record(world, number, "ie1")
    edit(world, number, "ie1", **members)
    found = settled(world, number, **expected)
    assert number.id in degraded(world)
    for condition in found.conditions:
        assert condition.message and "secret" not in condition.message
        assert number.e164 not in condition.message
    if kind == "webhook":
        assert "dialler.example" in found.conditions[0].message
    wait_until(lambda: told(watcher, number), f"{number.id} is told")
    edit(world, number, "ie1", **{name: before[name] for name in members})
    healed = settled(world, number)
    assert number.id not in degraded(world)
    assert healed.former == found.former
    count = len(told(watcher, number))
    assert count >= 2 or wait_until(lambda: len(told(watcher, number)) >= 2, "healing is told")


@pytest.mark.parametrize("kind", [*EDITS, "region"])
def test_what_was_changed_is_repaired_when_asked(world, kind):
    number = world.number_of("ie1")
    before = record(world, number, "ie1")
    if kind == "region":
        route(world, number, "au1")
        expected = {"PROCESSING_REGION": "PROCESSING_REGION_MOVED"}
    else:
        members, expected = EDITS[kind]
        edit(world, number, "ie1", **members)
    settled(world, number, **expected)
    request = world.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
    operation = world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
    wait = world.v1.WaitOperationRequest(id=operation.id)
    done = world.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert done.state == world.v1.Operation.STATE_SUCCEEDED, done
    assert record(world, number, "ie1") == before
    assert world.at_carrier(number.carrier_sid)["voice_region"] == "ie1"
    settled(world, number)


def test_everything_at_once_is_repaired_and_stays_so(world):
    """All of it at once: the sweep sees it and says it; the repair writes ours, and the sweep agrees."""
    number = world.number_of("ie1")
    before = record(world, number, "ie1")
    members, expected = EDITS["everything"]
    edit(world, number, "ie1", **members)
    route(world, number, "us1")
    found = settled(world, number, PROCESSING_REGION="PROCESSING_REGION_MOVED", **expected)
    assert all("Repair" in condition.message for condition in found.conditions)
    request = world.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
    begun = world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
    wait = world.v1.WaitOperationRequest(id=begun.id)
    done = world.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert done.state == done.STATE_SUCCEEDED, done
    repaired = settled(world, number)
    assert record(world, number, "ie1") == before
    assert world.at_carrier(number.carrier_sid)["voice_region"] == "ie1"
    swept = sweeps(world)
    wait_until(lambda: sweeps(world) > swept + 1, "two more sweeps")
    assert world.number(number.id) == repaired


def test_what_was_made_for_a_number_by_trunk_is_looked_at(world):
    account = world.account()
    provider, held = world.provider(account), world.carrier_number(account)
    gateway = doctor_trunks.Gateway(world)
    number = world.import_by_trunk(provider, gateway.provider, held["phone_number"])
    kinds = world.v1.PhoneNumber.Leftover
    made = {resource.type: resource.external_id for resource in number.resources}
    settled(world, number)
    gateway.sip("DeleteSIPDispatchRule", sip_dispatch_rule_id=made[kinds.TYPE_DISPATCH_RULE])
    settled(world, number, DISPATCH_RULE="DISPATCH_RULE_MISSING")
    redirected = Redirected(world.sim.url("us1"))
    client = Client(account["sid"], account["auth_tokens"]["us1"]["primary"], http_client=redirected)
    trunk = client.trunking.v1.trunks(made[kinds.TYPE_TRUNK])
    trunk.origination_urls(made[kinds.TYPE_ORIGINATION_URL]).update(sip_url="sip:thief.example")
    found = settled(
        world, number, DISPATCH_RULE="DISPATCH_RULE_MISSING",
        ORIGINATION_URL="ORIGINATION_URL_CHANGED",
    )
    assert not any("thief" in condition.message for condition in found.conditions)
    request = world.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
    world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX)
    settled(world, number)
    world.delete_number(number)


def test_a_region_moved_behind_our_back_is_seen_and_healed(world):
    number = world.number_of("ie1")
    route(world, number, "au1")
    found = settled(world, number, PROCESSING_REGION="PROCESSING_REGION_MOVED")
    assert "au1" in found.conditions[0].message
    route(world, number, "ie1")
    settled(world, number)


def test_a_released_number_is_seen_and_healed(world):
    number = world.number_of("us1")
    at_carrier = world.at_carrier(number.carrier_sid)
    world.sim.control("DELETE", f"/numbers/{number.carrier_sid}")
    settled(world, number, CARRIER_NUMBER="NUMBER_VANISHED")
    world.sim.control("POST", "/numbers", {
        "account_sid": at_carrier["account_sid"], "phone_number": at_carrier["phone_number"],
        "sid": at_carrier["sid"], "configurations": at_carrier["configurations"],
        "voice_region": at_carrier["voice_region"]})
    settled(world, number)


def test_a_number_that_lost_its_voice_is_seen(world):
    number = world.number_of("us1")
    world.sim.control("POST", f"/numbers/{number.carrier_sid}", {"voice": False})
    settled(world, number, VOICE_CAPABILITY="VOICE_CAPABILITY_LOST")
    world.sim.control("POST", f"/numbers/{number.carrier_sid}", {"voice": True})
    settled(world, number)


def test_another_name_at_the_carrier_is_no_drift(world):
    number = world.number_of("us1")
    world.sim.control("POST", f"/numbers/{number.carrier_sid}", {"friendly_name": "Front desk"})
    swept = sweeps(world)
    wait_until(lambda: sweeps(world) > swept + 1, "two more sweeps")
    assert world.number(number.id).etag == number.etag


def test_a_degraded_number_that_still_rings_here_is_answered(world):
    number = world.number_of("us1")
    edit(world, number, "us1", voice_fallback_url="https://dialler.example/fallback")
    settled(world, number, FALLBACK_WEBHOOK="FALLBACK_WEBHOOK_REPLACED")
    landed = world.call_in(number.e164)
    assert "agent.example" in str(landed)
    world.unassign(number)
    world.delete_number(number)
    assert record(world, number, "us1")["voice_fallback_url"] == "https://dialler.example/fallback"


def test_a_number_that_vanished_can_be_deleted(world):
    number = world.number_of("us1", assigned=False)
    world.sim.control("DELETE", f"/numbers/{number.carrier_sid}")
    settled(world, number, CARRIER_NUMBER="NUMBER_VANISHED")
    world.delete_number(number)
    assert number.id not in {found.id for found in world.all_numbers()}


def test_refused_credentials_mark_the_provider_and_no_number(world):
    account = world.account()
    key = world.key(account)
    provider = world.provider(account, key=key)
    held = world.carrier_number(account)
    number = world.import_number(provider, held["phone_number"])

    def conditions():
        request = world.v1.GetProviderRequest(id=provider.id)
        found = world.providers.GetProvider(request, timeout=ANSWER_MAX).provider
        return {c.type: c.reason for c in found.conditions if c.status == c.STATUS_FALSE}

    world.sim.control("DELETE", f"/keys/{key['sid']}")
    wait_until(
        lambda: conditions() == {"CREDENTIALS": "CARRIER_REFUSED_CREDENTIALS"}, "it is noted")
    assert world.number(number.id).etag == number.etag
    other = world.key(account)
    world.providers.UpdateProvider(
        world.v1.UpdateProviderRequest(provider=world.v1.Provider(
            id=provider.id, twilio=world.v1.Provider.Twilio(
                api_key_sid=other["sid"], api_key_secret=other["secret"]))), timeout=ANSWER_MAX)
    wait_until(lambda: conditions() == {}, "it is well again")
    assert world.number(number.id).etag == number.etag


def test_the_audit_log_says_who_noticed(world):
    number = world.number_of("us1", assigned=False)
    edit(world, number, "us1", voice_url="https://dialler.example/")
    settled(world, number, WEBHOOK="WEBHOOK_REPLACED")
    request = world.v1.ListAuditEventsRequest(resource_id=number.id, page_size=1)
    event = world.audit_log.ListAuditEvents(request, timeout=ANSWER_MAX).events[0]
    changes = [(c.field, c.old_value, c.new_value) for c in event.changes]
    assert (event.principal, event.method, event.action) == ("system", "background", "update")
    assert changes == [("state", "active", "degraded"), ("conditions", "", "WEBHOOK_REPLACED")]


def metrics(world):
    with urllib.request.urlopen(f"http://{world.server.admin_address}/metrics") as answer:
        return answer.read().decode()


def sweeps(world):
    found = re.search(r'trunkline_registry_sweeps_total{outcome="done"} (\d+)', metrics(world))
    return int(found.group(1))


def test_metrics_count_what_was_looked_at_and_found(world):
    number = world.number_of("au1")
    route(world, number, "us1")
    settled(world, number, PROCESSING_REGION="PROCESSING_REGION_MOVED")
    found = metrics(world)
    assert re.search(r"trunkline_registry_sweep_numbers_total [1-9]", found)
    reason = 'trunkline_registry_sweep_findings_total{reason="PROCESSING_REGION_MOVED"} [1-9]'
    assert re.search(reason, found)
    assert re.search(r'trunkline_registry_sweep_changes_total{change="marked"} [1-9]', found)


def test_without_an_interval_nobody_asks_the_carrier(stubs, tmp_path):
    with deployment(stubs, tmp_path, arguments=["--sweep-interval=0"]) as world:
        assert "trunkline_registry_sweeps" not in metrics(world)


def test_two_registries_on_one_database_mark_a_number_once(stubs, tmp_path, sim):
    with postgres.Server(tmp_path / "pg", ["fsync = off"]) as database:
        url = database.url(database.make_database("drift"))
        arguments = [f"--sweep-interval={INTERVAL}", f"--database={url}"]
        keyring = tmp_path / "keyring"
        first = harness.Trunklined(tmp_path / "a", sim, keyring=keyring, arguments=arguments)
        second = harness.Trunklined(
            tmp_path / "b", sim, roles="registry", keyring=keyring, arguments=arguments,
            webhook_address=first.webhook_address)
        # One administrator for both.
        second.token_file = first.token_file
        try:
            world = World(stubs, sim, first.start())
            other = World(stubs, sim, second.start())
            numbers = [world.number_of("us1", assigned=False) for _ in range(5)]
            for number in numbers:
                edit(world, number, "us1", voice_url="https://dialler.example/")
            marked = [settled(world, n, WEBHOOK="WEBHOOK_REPLACED") for n in numbers]
            counts = [sweeps(world), sweeps(other)]
            wait_until(
                lambda: sweeps(world) > counts[0] + 1 and sweeps(other) > counts[1] + 1,
                "two more sweeps of each")
            assert [other.number(n.id) for n in numbers] == marked
            world.close()
            other.close()
        finally:
            first.stop()
            second.stop()


# SyncProvider


def sync(world, provider_id, **members):
    """The operation of a sync, once it is over."""
    request = world.v1.SyncProviderRequest(id=provider_id, request_id=request_id(), **members)
    begun = world.providers.SyncProvider(request, timeout=ANSWER_MAX).operation
    assert begun.type == begun.TYPE_SYNC_PROVIDER and begun.provider_id == provider_id
    wait = world.v1.WaitOperationRequest(id=begun.id)
    done = world.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert done.id == begun.id and done.state == done.STATE_SUCCEEDED, done
    return done


@pytest.fixture(scope="module")
def still(stubs, tmp_path_factory):
    """A deployment that never sweeps by itself."""
    with deployment(stubs, tmp_path_factory.mktemp("sync")) as world:
        yield world


def test_a_dry_run_tells_what_a_sync_then_marks(still):
    account = still.account()
    provider = still.provider(account, "ie1")
    numbers = [
        still.import_number(provider, still.carrier_number(account)["phone_number"])
        for _ in range(4)
    ]
    still.carrier_number(account)
    drifted, moved, released, fine = numbers
    edit(still, drifted, "ie1", voice_url="https://dialler.example/?secret")
    route(still, moved, "us1")
    still.sim.control("DELETE", f"/numbers/{released.carrier_sid}")
    still.sim.control("POST", f"/numbers/{fine.carrier_sid}", {"friendly_name": "Front desk"})
    before = still.sim.control("GET", "/inventory")
    told = sync(still, provider.id, dry_run=True).sync
    assert told.dry_run
    assert (told.compared_count, told.drifted_count, told.marked_count) == (4, 3, 3)
    assert (told.unimported_count, told.number_count) == (1, 3)
    found = {n.phone_number_id: [f.reason for f in n.findings] for n in told.numbers}
    assert found == {drifted.id: ["WEBHOOK_REPLACED"], moved.id: ["PROCESSING_REGION_MOVED"],
                     released.id: ["NUMBER_VANISHED"]}
    assert [(o.phone_number_id, o.label) for o in told.other_labels] == [(fine.id, "Front desk")]
    assert "secret" not in str(told)
    assert [still.number(n.id) for n in numbers] == numbers

    done = sync(still, provider.id)
    assert (done.sync.marked_count, done.sync.drifted_count) == (3, 3)
    assert degraded(still) == {drifted.id, moved.id, released.id}
    assert reasons(still.number(moved.id)) == {"PROCESSING_REGION": "PROCESSING_REGION_MOVED"}
    assert still.number(fine.id) == fine
    assert still.sim.control("GET", "/inventory") == before
    listed = still.operations.ListOperations(
        still.v1.ListOperationsRequest(provider_id=provider.id), timeout=ANSWER_MAX).operations
    assert [o.sync.drifted_count for o in listed] == [3, 3] and not listed[0].sync.numbers


def test_a_sync_uses_no_quota_and_keeps_the_provider(still):
    account = still.account()
    provider = still.provider(account)
    for _ in range(3):
        still.carrier_number(account)
    quota = still.numbers.GetQuota(still.v1.GetQuotaRequest(), timeout=ANSWER_MAX)
    done = sync(still, provider.id)
    assert (done.sync.compared_count, done.sync.unimported_count) == (0, 3)
    assert still.numbers.GetQuota(still.v1.GetQuotaRequest(), timeout=ANSWER_MAX) == quota
    request = still.v1.GetProviderRequest(id=provider.id)
    assert still.providers.GetProvider(request, timeout=ANSWER_MAX).provider == provider


def test_a_sync_whose_server_is_killed_goes_on(still):
    account = still.account()
    provider = still.provider(account)
    number = still.import_number(provider, still.carrier_number(account)["phone_number"])
    edit(still, number, "us1", voice_url="")
    slow = {"kind": "delay", "method": "GET", "path": "*/IncomingPhoneNumbers*", "count": 0,
            "delay_ms": 1500}
    still.sim.control("POST", "/faults", slow)
    request = still.v1.SyncProviderRequest(id=provider.id, request_id=request_id())
    begun = still.providers.SyncProvider(request, timeout=ANSWER_MAX).operation
    still.server.kill()
    still.sim.control("DELETE", "/faults")
    still.server.start()
    still.connect()
    settled(still, number, WEBHOOK="WEBHOOK_REMOVED")
    again = still.providers.SyncProvider(request, timeout=ANSWER_MAX).operation
    assert again.id == begun.id
    wait = still.v1.WaitOperationRequest(id=begun.id)
    done = still.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert done.state == done.STATE_SUCCEEDED


def test_the_command_line_syncs(still):
    account = still.account()
    provider = still.provider(account)
    number = still.import_number(provider, still.carrier_number(account)["phone_number"])
    edit(still, number, "us1", trunk_sid="TK" + "1" * 32)
    told = harness.run_cli(
        "providers", "sync", provider.id, "--dry-run", address=still.server.address)
    assert told.returncode == 0, told.stderr
    assert number.id in told.stdout and "OVERRIDDEN_BY_TRUNK" in told.stdout
    assert "would be marked" in told.stdout
    assert still.number(number.id) == number
    done = harness.run_cli("providers", "sync", provider.id, address=still.server.address)
    assert done.returncode == 0, done.stderr
    assert still.number(number.id).state == still.v1.PhoneNumber.STATE_DEGRADED
    still.sim.control("POST", f"/accounts/{account['sid']}", {"status": "suspended"})
    refused = harness.run_cli("providers", "sync", provider.id, address=still.server.address)
    assert refused.returncode != 0 and "CARRIER_ACCOUNT_INACTIVE" in refused.stderr
