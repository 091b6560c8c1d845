"""Every operation with requests at the carrier, killed and failed at each of them: see crash_matrix.py.

A slice is played, one kill and one fault of each request; TRUNKLINE_MATRIX=all plays every case.
A new operation is a new entry of `SCENARIOS`.
"""

import copy
import functools
import json
import os
import pathlib
import re
import tempfile
import types
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from livekit.api import AccessToken, SIPGrants

import contract
import crash_matrix
import crash_stage
from carrier_hop import Hop, Strike
from crash_matrix import FORBIDDEN, Scenario
from world import ANSWER_MAX, refusal, request_id

STORES = {"sqlite": crash_stage.OnSQLite, "postgres": crash_stage.OnPostgres}
NO_PARAMETERS = types.SimpleNamespace(params={})
IS_WHOLE = os.environ.get("TRUNKLINE_MATRIX") == "all"


def number_state(view):
    [number] = view["numbers"]
    return number["state"]


def importing(region, former_region, name="import", obstacle=None):
    def prepare(play):
        provider = play.link(region)
        held = play.hold(region, former_region)
        return "numbers", "ImportPhoneNumber", play.v1.ImportPhoneNumberRequest(
            provider_id=provider.id, e164=held["phone_number"], request_id=request_id())

    def check_end(view):
        assert number_state(view) == "STATE_ACTIVE"
        [held] = view["carrier"]["accounts"][0]["numbers"]
        assert held["voice_region"] == region
        assert held["configurations"][region]["voice_url"].startswith("WEBHOOKS/")

    return Scenario(f"{name}-{region}", prepare, check_end, obstacle)


def undoing(region, former_region):
    """An import whose last look at the number is refused, from there on."""
    return importing(region, former_region, "undo-import", ("GET-api-IncomingPhoneNumbers-item", 2))


def deleting(region, former_region):
    def prepare(play):
        number = play.import_held(play.link(region), play.hold(region, former_region))
        return "numbers", "DeletePhoneNumber", play.v1.DeletePhoneNumberRequest(id=number.id)

    def check_end(view):
        assert view["numbers"] == []
        [held] = view["carrier"]["accounts"][0]["numbers"]
        assert held["voice_region"] == (former_region or "us1")
        assert held["configurations"][region]["voice_url"] == f"https://{region}.example/voice"

    return Scenario(f"delete-{region}", prepare, check_end)


def cleaning(region):
    """The deletion of a number whose import could neither be ended nor undone."""

    def prepare(play):
        provider, held = play.link(region), play.hold(region)
        request = play.v1.ImportPhoneNumberRequest(
            provider_id=provider.id, e164=held["phone_number"], request_id=request_id())
        play.subject.arm(
            Strike(2, FORBIDDEN, times=None, shape="GET-api-IncomingPhoneNumbers-item"))
        refusal(play.world.numbers.ImportPhoneNumber, request)
        play.subject.disarm()
        [number] = play.numbers([provider])
        assert number.state == play.v1.PhoneNumber.STATE_CORRUPTED
        return "numbers", "DeletePhoneNumber", play.v1.DeletePhoneNumberRequest(id=number.id)

    return Scenario(f"clean-up-{region}", prepare, deleting(region, None).check_end)


def moving(start, end):
    def prepare(play):
        home = play.link(start)
        target = play.link(end)
        number = play.import_held(home, play.hold(start, end))
        return "numbers", "MovePhoneNumber", play.v1.MovePhoneNumberRequest(
            id=number.id, provider_id=target.id, request_id=request_id())

    def check_end(view):
        assert number_state(view) == "STATE_ACTIVE"
        [held] = view["carrier"]["accounts"][0]["numbers"]
        assert held["voice_region"] == end
        assert held["configurations"][end]["voice_url"].startswith("WEBHOOKS/")
        assert held["configurations"][start]["voice_url"] == f"https://{start}.example/voice"

    return Scenario(f"move-{start}", prepare, check_end)


def repairing(region):
    """What somebody changed at the carrier is written again."""

    def prepare(play):
        number = play.import_held(play.link(region), play.hold(region))
        theirs = {region: {"voice_url": "https://theirs.example/voice"}}
        play.world.sim.control("POST", f"/numbers/{number.carrier_sid}", {"configurations": theirs})
        return play.repairing(number)

    def check_end(view):
        assert number_state(view) == "STATE_ACTIVE"
        [held] = view["carrier"]["accounts"][0]["numbers"]
        assert held["configurations"][region]["voice_url"].startswith("WEBHOOKS/")

    return Scenario(f"repair-{region}", prepare, check_end)


def asked_by_trunk(play, region, former_region):
    provider, gateway = play.link(region), play.gateway(region)
    held = play.hold(region, former_region)
    return "numbers", "ImportPhoneNumber", play.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id(),
        ingress=play.v1.PhoneNumber.INGRESS_TRUNK, gateway_provider_id=gateway.id)


def importing_by_trunk(region, former_region):
    """A trunk, its list of credentials, its origination URL, and what the gateway needs, are made."""

    def check_end(view):
        assert number_state(view) == "STATE_ACTIVE"
        account, livekit = view["carrier"]["accounts"][0], view["carrier"]["livekit"]
        [trunk], [credentials] = account["trunks"], account["credential_lists"]
        assert trunk["phone_numbers"] == ["number"] and len(trunk["origination_urls"]) == 1
        assert trunk["credential_lists"] == [credentials["sid"]]
        [credential], [outbound] = credentials["credentials"], livekit["outbound_trunks"]
        assert credential["password"] in outbound.values() and credential["username"] in outbound.values()
        assert len(livekit["inbound_trunks"]) == len(livekit["dispatch_rules"]) == 1
        [held] = account["numbers"]
        assert held["voice_region"] == region
        assert held["configurations"][region]["trunk_sid"] == trunk["sid"]
        [number] = view["numbers"]
        assert len(number["resources"]) == 8

    return Scenario(
        f"import-trunk-{region}", lambda play: asked_by_trunk(play, region, former_region), check_end)


def deleting_by_trunk(region, former_region):
    def prepare(play):
        service, method, request = asked_by_trunk(play, region, former_region)
        imported = getattr(getattr(play.world, service), method)(request, timeout=ANSWER_MAX).phone_number
        play.seen.add(imported.id)
        assert imported.state == play.v1.PhoneNumber.STATE_ACTIVE
        return "numbers", "DeletePhoneNumber", play.v1.DeletePhoneNumberRequest(id=imported.id)

    def check_end(view):
        assert view["numbers"] == []
        account = view["carrier"]["accounts"][0]
        assert account["trunks"] == account["credential_lists"] == []
        assert not any(view["carrier"]["livekit"].values())
        [held] = account["numbers"]
        assert held["voice_region"] == (former_region or "us1")
        assert held["configurations"][region]["voice_url"] == f"https://{region}.example/voice"

    return Scenario(f"delete-trunk-{region}", prepare, check_end)


def buying(region):
    """A number is bought at most once, and set up as an import does."""

    def prepare(play):
        provider = play.link(region)
        e164 = play.know("e164", play.world.for_sale())
        return "numbers", "ProvisionPhoneNumber", play.v1.ProvisionPhoneNumberRequest(
            provider_id=provider.id, e164=e164, confirm_purchase=True, request_id=request_id())

    def check_end(view):
        assert number_state(view) == "STATE_ACTIVE" and view["numbers"][0]["provisioned"]
        [held] = view["carrier"]["accounts"][0]["numbers"]
        assert held["voice_region"] == region and re.fullmatch(r"trunkline-pn\d", held["friendly_name"])
        assert held["configurations"][region]["voice_url"].startswith("WEBHOOKS/")

    return Scenario(f"buy-{region}", prepare, check_end)


def releasing(region):
    def prepare(play):
        number = play.world.bought(play.link(region))
        play.know("e164", number.e164)
        play.know("number", number.carrier_sid)
        return "numbers", "ReleasePhoneNumber", play.v1.ReleasePhoneNumberRequest(
            id=number.id, confirm_release=True, request_id=request_id())

    def check_end(view):
        assert view["numbers"] == []
        assert view["carrier"]["accounts"][0]["numbers"] == []

    return Scenario(f"release-{region}", prepare, check_end)


def linking():
    def prepare(play):
        key = play.key("ie1")
        provider = play.v1.Provider(region=play.v1.REGION_IE1, twilio=play.v1.Provider.Twilio(
            account_sid=play.account["sid"], api_key_sid=key["sid"], api_key_secret=key["secret"]))
        return "providers", "CreateProvider", play.v1.CreateProviderRequest(
            provider=provider, request_id=request_id())

    def check_end(view):
        assert view["credentials"] == ["key1"]

    return Scenario("link", prepare, check_end)


def rotating():
    def prepare(play):
        provider = play.link("us1")
        play.import_held(provider, play.hold("us1"))
        key = play.key("us1")
        changed = play.v1.Provider(id=provider.id, twilio=play.v1.Provider.Twilio(
            api_key_sid=key["sid"], api_key_secret=key["secret"]))
        return "providers", "UpdateProvider", play.v1.UpdateProviderRequest(provider=changed)

    def check_end(view):
        assert view["credentials"] == ["key2"]

    return Scenario("rotate", prepare, check_end)


SCENARIOS = [
    importing("us1", "au1"), importing("ie1", None), deleting("us1", "au1"), deleting("ie1", None),
    undoing("us1", "au1"), undoing("ie1", None), cleaning("ie1"), linking(), rotating(),
    moving("us1", "ie1"), moving("ie1", "us1"), repairing("au1"),
    importing_by_trunk("us1", "au1"), deleting_by_trunk("ie1", None), buying("ie1"), releasing("ie1"),
]  # fmt: skip

# Defects that are known: what the names of their cases match, and what is wrong.
DEFECTS = {}


@functools.cache
def all_cases():
    """Every case, from a play of each scenario that nothing disturbs."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        fleet = crash_stage.OnSQLite(contract.stubs(), pathlib.Path(folder))
        with fleet.running():
            for scenario in SCENARIOS:
                found += crash_matrix.cases(scenario, crash_matrix.record(fleet, scenario))
    # A number that is to vanish has to be there.
    empty = ("link", "buy-ie1")
    return [c for c in found if c.moment != "vanished" or c.scenario.name not in empty]


def chosen_cases():
    return all_cases() if IS_WHOLE else crash_matrix.slice_of(all_cases())


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("store, case", [
            pytest.param(store, case, id=f"{store}/{case}")
            for store in STORES for case in chosen_cases()
        ])  # fmt: skip


@pytest.fixture(scope="module")
def results(stubs, tmp_path_factory, request):
    """By store and case what is wrong: all that were chosen are played when the first is asked for."""
    chosen = {}
    for item in request.session.items:
        if item.module is request.module and "case" in getattr(item, "callspec", NO_PARAMETERS).params:
            chosen.setdefault(item.callspec.params["store"], []).append(item.callspec.params["case"])

    def play(store):
        fleet = STORES[store](stubs, tmp_path_factory.mktemp(store))
        with fleet.running():
            ends = crash_stage.play_all(fleet, chosen[store])
            running = stubs.v1.ListOperationsRequest(state=stubs.v1.Operation.STATE_RUNNING)
            left = fleet.world.operations.ListOperations(running, timeout=ANSWER_MAX).operations
            return ends | {
                "left": list(left), "strangers": fleet.hop.strangers,
                "orphans": crash_stage.orphans(fleet),
            }  # fmt: skip

    with ThreadPoolExecutor(len(STORES)) as pool:
        return dict(zip(chosen, pool.map(play, chosen), strict=True))


def test_case(store, case, results, request):
    # Marked here: what goes wrong with the fixture is no defect that is known.
    for pattern, reason in DEFECTS.items():
        if re.search(pattern, str(case)):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))
    if (wrong := results[store][case]) is not None:
        raise wrong


def played(results, store):
    if store not in results:
        pytest.skip("no case of it was chosen")
    return results[store]


@pytest.mark.parametrize("store", STORES)
def test_nothing_goes_on_afterwards(store, results):
    assert played(results, store)["left"] == []


@pytest.mark.parametrize("store", STORES)
def test_nothing_of_ours_is_left_without_its_number(store, results):
    """Trunks, lists of credentials and rules, at the carrier and at LiveKit."""
    assert played(results, store)["orphans"] == set()


@pytest.mark.parametrize("store", STORES)
def test_every_request_was_some_case_s(store, results):
    """One that no case knew as its own would be a step that no case is made from."""
    assert played(results, store)["strangers"] == []


def test_the_slice_has_every_step_and_moment(capsys):
    whole, chosen = all_cases(), crash_matrix.slice_of(all_cases())
    steps = {(case.scenario.name, case.step) for case in whole}
    assert steps == {(case.scenario.name, case.step) for case in chosen}
    assert {case.moment for case in whole} == {case.moment for case in chosen}
    with capsys.disabled():
        print(
            f"\ncrash matrix: {len(SCENARIOS)} operations, {len(steps)} requests, {len(whole)} cases on each "
            f"of {len(STORES)} stores; {len(chosen_cases())} of them now")


# The hop and the checks themselves


def test_a_request_to_livekit_is_known_by_its_key(sim):
    key = sim.control("POST", "/livekit/keys", {})
    token = AccessToken(key["key"], key["secret"]).with_sip_grants(SIPGrants(admin=True)).to_jwt()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def ask(hop):
        url = f"{hop.url('livekit')}/twirp/livekit.SIP/ListSIPInboundTrunk"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers)) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["code"]

    with Hop(sim) as hop:
        assert ask(hop) == 200 and len(hop.strangers) == 1
        subject = hop.subject(key["key"])
        subject.arm(Strike(2, FORBIDDEN))
        assert [ask(hop) for _ in range(3)] == [200, (403, "permission_denied"), 200]
        assert len(hop.strangers) == 1 and len(subject.log) == 3
        assert {exchange.shape for exchange in subject.log} == {
            "POST-twirp-livekit.SIP-ListSIPInboundTrunk"}


def views():
    """A number before us, and ours."""
    before = {"voice_region": "us1", "configurations": {"ie1": {"voice_url": "A", "trunk_sid": ""}}}
    ours = {"voice_region": "ie1", "configurations": {"ie1": {"voice_url": "B", "trunk_sid": ""}}}
    return [
        {"carrier": {"accounts": [{"numbers": [held]}]}, "credentials": ["key1"], "numbers": numbers}
        for held, numbers in ((before, []), (ours, [{"state": "STATE_ACTIVE"}]))
    ]  # fmt: skip


def held(view):
    return view["carrier"]["accounts"][0]["numbers"][0]


def leave_webhook(start, end):
    """The number is no longer ours, and its webhook is."""
    end["numbers"] = []
    held(end)["voice_region"] = "us1"


def leave_region(start, end):
    held(start)["voice_region"] = "ie1"
    return start


def lose_webhook(start, end):
    held(end)["configurations"]["ie1"]["voice_url"] = "A"


def be_twice(start, end):
    end["numbers"] *= 2


def mix_credentials(start, end):
    end["credentials"] = ["MIXED"]


def be_stuck(start, end):
    end["numbers"][0]["state"] = "STATE_PROVISIONING"


@pytest.mark.parametrize("damage", [
    leave_webhook, leave_region, lose_webhook, be_twice, mix_credentials, be_stuck,
])  # fmt: skip
def test_the_comparison_finds(damage):
    start, end = views()
    assert crash_matrix.same(copy.deepcopy(end), start, end) == 1
    view = damage(*(damaged := views())) or damaged[1]
    with pytest.raises(AssertionError):
        crash_matrix.same(view, start, end)


WEBHOOK, REGION = {"type": "TYPE_WEBHOOK"}, {"type": "TYPE_PROCESSING_REGION"}


@pytest.mark.parametrize("region, said, is_right", [
    ("ie1", [WEBHOOK, REGION], True), ("us1", [WEBHOOK], True), ("ie1", [WEBHOOK], False),
    ("us1", [WEBHOOK, REGION], False), ("us1", [], False),
])  # fmt: skip
def test_leftovers_are_compared(region, said, is_right):
    start, view = views()
    held(view)["voice_region"] = region
    view["numbers"][0]["leftovers"] = said
    if is_right:
        crash_stage.check_leftovers(view, start)
    else:
        with pytest.raises(AssertionError):
            crash_stage.check_leftovers(view, start)


def test_what_somebody_else_wrote_is_found():
    start, end = views()
    crash_stage.check_parts(end, start, end)
    held(view := views()[1])["configurations"]["ie1"]["trunk_sid"] = "T"
    with pytest.raises(AssertionError):
        crash_stage.check_parts(view, start, end)


def test_what_a_vanished_number_leaves_is_found():
    view = views()[1]
    with pytest.raises(AssertionError):
        crash_stage.check_vanished(view)
    view["carrier"]["accounts"][0]["numbers"] = []
    crash_stage.check_vanished(view)
    view["numbers"][0]["state"] = "STATE_CORRUPTED"
    with pytest.raises(AssertionError):
        crash_stage.check_vanished(view)
