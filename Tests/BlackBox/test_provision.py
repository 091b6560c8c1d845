"""Numbers are searched, bought and given up at carrier-sim: bought once or not at all, never lost."""

import grpc
import pytest

import harness
from world import ANSWER_MAX, Refusal, deployment, refusal, request_id

Code = grpc.StatusCode

# How long a server looks for what it may have bought; here short, so that tests see its end.
SETTLING = "3s"


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    options = {"arguments": [f"--purchase-settling={SETTLING}"]}
    with deployment(stubs, tmp_path_factory.mktemp("provision"), **options) as world:
        yield world


@pytest.fixture
def provider(world):
    return world.provider(world.account())


@pytest.fixture(autouse=True)
def no_faults(world):
    yield
    world.sim.control("DELETE", "/faults")


def carriers(world, provider, e164):
    """The numbers of that name in the provider's account."""
    listed = world.v1.ListProviderNumbersRequest(provider_id=provider.id, page_size=100)
    numbers = world.providers.ListProviderNumbers(listed, timeout=ANSWER_MAX).numbers
    return [number for number in numbers if number.e164 == e164]


def error_of(operation):
    """Why an operation failed."""
    return Refusal.of_status(operation.error)


def lose_purchase(world, kind, **members):
    body = {"kind": kind, "method": "POST", "path": "*/IncomingPhoneNumbers.json", **members}
    world.sim.control("POST", "/faults", body)


def test_a_number_is_found_bought_used_and_given_up(world, provider):
    v1 = world.v1
    e164 = world.for_sale(locality="Springfield", region="CA")
    search = v1.SearchAvailablePhoneNumbersRequest(
        provider_id=provider.id, country="US", area_code="415", contains=e164[-7:])
    [offer] = world.numbers.SearchAvailablePhoneNumbers(search, timeout=ANSWER_MAX).numbers
    assert offer.e164 == e164 and offer.country == "US" and offer.locality == "Springfield"
    assert offer.type == v1.PHONE_NUMBER_TYPE_LOCAL and offer.administrative_area == "CA"
    assert offer.address_requirement == offer.ADDRESS_REQUIREMENT_NONE

    agent = world.agent()
    begun = world.provision(provider, e164, label="shop", agent_id=agent.id)
    assert begun.phone_number.provisioned and begun.phone_number.carrier_sid == ""
    done = world.end_of(begun.operation)
    assert done.state == v1.Operation.STATE_SUCCEEDED
    assert done.type == v1.Operation.TYPE_PROVISION_PHONE_NUMBER
    assert [step.type for step in done.steps] == [
        v1.Operation.Step.TYPE_PURCHASE, v1.Operation.Step.TYPE_WEBHOOK,
        v1.Operation.Step.TYPE_PROCESSING_REGION]
    number = world.number(begun.phone_number.id)
    assert number.state == v1.PhoneNumber.STATE_ACTIVE and number.agent_id == agent.id
    held = world.at_carrier(number.carrier_sid)
    assert held["friendly_name"] == f"trunkline-{number.id}"
    assert held["configurations"]["us1"]["voice_url"].startswith(f"http://{world.server.webhook_address}/")

    released = v1.ReleasePhoneNumberRequest(
        id=number.id, etag=number.etag, request_id=request_id())
    refused = refusal(world.numbers.ReleasePhoneNumber, released)
    assert refused.reason == "PHONE_NUMBER_ASSIGNED"
    released.etag = world.unassign(number).etag
    operation = world.numbers.ReleasePhoneNumber(released, timeout=ANSWER_MAX).operation
    done = world.end_of(operation)
    assert done.state == v1.Operation.STATE_SUCCEEDED
    assert done.steps[-1].type == v1.Operation.Step.TYPE_RELEASE
    assert refusal(world.numbers.GetPhoneNumber, v1.GetPhoneNumberRequest(id=number.id)).code == (
        Code.NOT_FOUND)
    assert carriers(world, provider, e164) == []
    assert number.carrier_sid in world.audit()["numbers_released"]
    again = world.numbers.ReleasePhoneNumber(released, timeout=ANSWER_MAX).operation
    assert again.id == operation.id


def test_nothing_is_bought_by_accident(world, provider):
    e164 = world.for_sale()
    request = world.v1.ProvisionPhoneNumberRequest(provider_id=provider.id, e164=e164)
    refused = refusal(world.numbers.ProvisionPhoneNumber, request)
    assert refused.code == Code.INVALID_ARGUMENT
    assert set(refused.fields) == {"request_id", "confirm_purchase"}
    request.validate_only = True
    answer = world.numbers.ProvisionPhoneNumber(request, timeout=ANSWER_MAX)
    assert not answer.HasField("operation") and answer.phone_number.e164 == e164
    assert answer.phone_number.id == "" and carriers(world, provider, e164) == []


def test_a_request_buys_once_however_often_it_comes(world, provider):
    e164, id = world.for_sale(), request_id()
    futures = []
    for _ in range(8):
        request = world.v1.ProvisionPhoneNumberRequest(
            provider_id=provider.id, e164=e164, request_id=id, confirm_purchase=True)
        futures.append(world.numbers.ProvisionPhoneNumber.future(request, timeout=ANSWER_MAX))
    answers = [future.result() for future in futures]
    assert len({answer.operation.id for answer in answers}) == 1
    assert world.end_of(answers[0].operation).state == world.v1.Operation.STATE_SUCCEEDED
    assert len(carriers(world, provider, e164)) == 1
    # Another request can't buy what the account has.
    refused = refusal(world.numbers.ProvisionPhoneNumber, world.v1.ProvisionPhoneNumberRequest(
        provider_id=provider.id, e164=e164, request_id=request_id(), confirm_purchase=True))
    assert (refused.code, refused.reason) == (Code.ALREADY_EXISTS, "PHONE_NUMBER_EXISTS")
    unknown = world.carrier_number({"sid": provider.twilio.account_sid})["phone_number"]
    refused = refusal(world.numbers.ProvisionPhoneNumber, world.v1.ProvisionPhoneNumberRequest(
        provider_id=provider.id, e164=unknown, request_id=request_id(), confirm_purchase=True))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "NUMBER_OWNED")


@pytest.mark.parametrize("fault", [
    {"kind": "lost_after"}, {"kind": "status", "status": 500, "effect": True},
    {"kind": "malformed", "effect": True},
])
def test_a_lost_answer_loses_nothing(world, provider, fault):
    e164 = world.for_sale()
    lose_purchase(world, **fault)
    begun = world.provision(provider, e164)
    assert world.end_of(begun.operation).state == world.v1.Operation.STATE_SUCCEEDED
    number = world.number(begun.phone_number.id)
    [held] = carriers(world, provider, e164)
    assert held.carrier_sid == number.carrier_sid and held.phone_number_id == number.id


def test_what_never_came_there_is_not_bought(world, provider):
    e164, id = world.for_sale(), request_id()
    lose_purchase(world, "lost_before")
    begun = world.provision(provider, e164, request_id=id)
    failed = world.end_of(begun.operation)
    assert failed.state == world.v1.Operation.STATE_FAILED
    assert error_of(failed).code == Code.UNAVAILABLE
    assert "Nothing was bought" in error_of(failed).message
    assert carriers(world, provider, e164) == []
    again = world.provision(provider, e164, request_id=id)
    assert again.operation.id == begun.operation.id and not again.HasField("phone_number")
    # A new request may.
    other = world.provision(provider, e164)
    assert world.end_of(other.operation).state == world.v1.Operation.STATE_SUCCEEDED


@pytest.mark.parametrize("members, reason, code", [
    ({"needs_bundle": True}, "CARRIER_PAPERS_MISSING", "21649"),
    ({"address_requirements": "local"}, "CARRIER_PAPERS_MISSING", "21615"),
    ({"address_requirements": "any"}, "CARRIER_PAPERS_MISSING", "21631"),
])
def test_missing_papers_are_named(world, provider, members, reason, code):
    e164 = world.for_sale(**members)
    failed = world.end_of(world.provision(provider, e164).operation)
    error = error_of(failed)
    assert (error.code, error.reason) == (Code.FAILED_PRECONDITION, reason)
    assert error.info.metadata["carrier_code"] == code
    papers = {"address_sid": "AD" + "0" * 32, "bundle_sid": "BU" + "0" * 32}
    given = world.provision(provider, e164, **papers)
    assert world.end_of(given.operation).state == world.v1.Operation.STATE_SUCCEEDED


def test_what_is_gone_is_told(world, provider):
    failed = world.end_of(world.provision(provider, world.fresh_e164()).operation)
    assert error_of(failed).reason == "CARRIER_NUMBER_NOT_FOR_SALE"
    lose_purchase(world, "status", status=403, code=22300)
    failed = world.end_of(world.provision(provider, world.for_sale()).operation)
    assert error_of(failed).reason == "CARRIER_PURCHASE_REFUSED"
    request = world.v1.ProvisionPhoneNumberRequest(
        provider_id=provider.id, request_id=request_id(), confirm_purchase=True)
    request.criteria.country, request.criteria.area_code = "US", "999"
    refused = refusal(world.numbers.ProvisionPhoneNumber, request)
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "NO_NUMBER_FOUND")


def test_what_was_bought_stays_when_the_rest_fails(world, provider):
    v1, e164 = world.v1, world.for_sale()
    # The record can be neither read nor written.
    world.sim.control("POST", "/faults", {
        "kind": "status", "status": 403, "code": 20006, "count": 0, "method": "POST",
        "path": "*/IncomingPhoneNumbers/PN*"})
    begun = world.provision(provider, e164)
    failed = world.end_of(begun.operation)
    world.sim.control("DELETE", "/faults")
    assert error_of(failed).reason == "PURCHASED_NOT_CONFIGURED"
    number = world.number(begun.phone_number.id)
    assert number.state == v1.PhoneNumber.STATE_DEGRADED and number.provisioned
    assert len(carriers(world, provider, e164)) == 1
    repair = v1.RepairPhoneNumberRequest(id=number.id)
    operation = world.numbers.RepairPhoneNumber(repair, timeout=ANSWER_MAX).operation
    assert world.end_of(operation).state == v1.Operation.STATE_SUCCEEDED
    assert world.number(number.id).state == v1.PhoneNumber.STATE_ACTIVE
    # A deletion leaves it at the carrier.
    world.delete_number(world.number(number.id))
    assert len(carriers(world, provider, e164)) == 1


def test_only_what_was_bought_here_is_given_up(world):
    number = world.number_of(assigned=False)
    request = world.v1.ReleasePhoneNumberRequest(id=number.id, confirm_release=True)
    refused = refusal(world.numbers.ReleasePhoneNumber, request)
    assert (refused.code, refused.reason) == (
        Code.FAILED_PRECONDITION, "PHONE_NUMBER_NOT_PROVISIONED")
    request.confirm_release = False
    refused = refusal(world.numbers.ReleasePhoneNumber, request)
    assert refused.fields == ["confirm_release"]


def test_imports_and_purchases_count_and_syncs_do_not(stubs, tmp_path):
    options = {"arguments": ["--quota=numbers=2"]}
    with deployment(stubs, tmp_path, **options) as world:
        def used():
            answer = world.numbers.GetQuota(world.v1.GetQuotaRequest(), timeout=ANSWER_MAX)
            return next((q.used, q.limit) for q in answer.quotas if q.name == "numbers")

        account = world.account()
        provider = world.provider(account)
        held = world.carrier_number(account)
        world.import_number(provider, held["phone_number"])
        world.carrier_number(account)
        sync = world.v1.SyncProviderRequest(id=provider.id)
        world.end_of(world.providers.SyncProvider(sync, timeout=ANSWER_MAX).operation)
        assert used() == (1, 2)
        bought = world.bought(provider)
        assert used() == (2, 2)
        request = world.v1.ProvisionPhoneNumberRequest(
            provider_id=provider.id, e164=world.for_sale(), request_id=request_id(),
            confirm_purchase=True)
        refused = refusal(world.numbers.ProvisionPhoneNumber, request)
        assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        release = world.v1.ReleasePhoneNumberRequest(id=bought.id, confirm_release=True)
        world.end_of(world.numbers.ReleasePhoneNumber(release, timeout=ANSWER_MAX).operation)
        assert used() == (1, 2)


def test_the_command_line_buys_and_gives_up(world, provider):
    def cli(*arguments, code=0):
        result = harness.run_cli("phone-numbers", *arguments, address=world.server.address)
        assert result.returncode == code, result.stdout + result.stderr
        return result.stdout + result.stderr

    e164 = world.for_sale(locality="Springfield", region="CA")
    on = f"--provider-id={provider.id}"
    offers = cli("search", on, "--country=US", f"--contains={e164[-7:]}")
    assert e164 in offers and "Springfield, CA" in offers and "local" in offers
    assert "--country" in cli("search", on, code=2)
    assert "confirm_purchase" in cli("provision", e164, on, code=3)
    assert "It can be bought" in cli("provision", e164, on, "--validate-only")
    bought = cli("provision", e164, on, "--label=shop", "--confirm-purchase", "--wait")
    assert "provision_phone_number" in bought and "succeeded" in bought
    number = next(n for n in world.all_numbers() if n.e164 == e164)
    assert "bought here" in cli("get", number.id)
    assert "confirm_release" in cli("release", number.id, code=3)
    assert "succeeded" in cli("release", number.id, "--confirm-release", "--wait")
    assert carriers(world, provider, e164) == []
    assert "platform_numbers" in cli("quota")
