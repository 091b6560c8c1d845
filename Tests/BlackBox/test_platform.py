"""Numbers on the operator's account at carrier-sim: a sub-account for each tenant, the United States alone."""

import grpc
import pytest

import harness
from test_access import _as
from world import ANSWER_MAX, Refusal, World, refusal, request_id

Code = grpc.StatusCode
SLOTS = 2


@pytest.fixture(scope="module")
def operator(stubs, tmp_path_factory):
    """A server that sells numbers on an account that was linked at its first start."""
    folder = tmp_path_factory.mktemp("platform")
    sim = harness.CarrierSim(folder).start()
    first = harness.Trunklined(folder / "server", sim).start()
    world = World(stubs, sim, first)
    account = world.account()
    linked = world.provider(account, token=account["auth_tokens"]["us1"]["primary"])
    world.close()
    first.stop()
    server = harness.Trunklined(folder / "server", sim, arguments=[
        f"--platform-provider={linked.id}", f"--platform-slots={SLOTS}"])
    world = World(stubs, sim, server.start())
    world.operator_account = account
    yield world
    world.close()
    server.stop()
    sim.stop()


@pytest.fixture
def tenant(operator):
    """Another tenant of the deployment, with an administrator's token."""
    v1 = operator.v1
    made = operator.tokens.CreateToken(
        v1.CreateTokenRequest(tenant_id="new", display_name="customer", scopes=["admin"]), timeout=ANSWER_MAX)
    harness.secrets.add(made.token_text)
    return _as(operator, made.token_text)


def provision(world, e164, **members):
    request = world.v1.ProvisionPhoneNumberRequest(
        e164=e164, **{"request_id": request_id(), "confirm_purchase": True, **members})
    return world.numbers.ProvisionPhoneNumber(request, timeout=ANSWER_MAX)


def bought(world):
    begun = provision(world, world.for_sale())
    assert world.end_of(begun.operation).state == world.v1.Operation.STATE_SUCCEEDED
    return world.number(begun.phone_number.id)


def quota(world):
    answer = world.numbers.GetQuota(world.v1.GetQuotaRequest(), timeout=ANSWER_MAX)
    return next((q.used, q.limit) for q in answer.quotas if q.name == "platform_numbers")


def test_a_tenant_gets_numbers_and_sees_no_credentials(operator, tenant):
    v1 = tenant.v1
    assert quota(tenant) == (0, SLOTS)
    number = bought(tenant)
    assert number.state == v1.PhoneNumber.STATE_ACTIVE and number.provisioned
    assert quota(tenant) == (1, SLOTS)
    [provider] = tenant.all_providers()
    assert provider.id == number.provider_id
    assert provider.WhichOneof("config") == "platform" and not provider.HasField("twilio")
    held = tenant.at_carrier(number.carrier_sid)
    assert held["account_sid"] != operator.operator_account["sid"]
    # A call in comes to the tenant's agent, signed with the sub-account's own token.
    tenant.assign(number, tenant.agent())
    call = tenant.call_in(number.e164)
    assert "<Stream" in str(call)
    for refused in (
        refusal(tenant.providers.DeleteProvider, v1.DeleteProviderRequest(id=provider.id)),
        refusal(tenant.providers.ListProviderNumbers,
                v1.ListProviderNumbersRequest(provider_id=provider.id)),
        refusal(tenant.providers.SyncProvider, v1.SyncProviderRequest(id=provider.id)),
    ):
        assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "PLATFORM_PROVIDER")
    refused = refusal(
        tenant.numbers.DeletePhoneNumber, v1.DeletePhoneNumberRequest(id=tenant.unassign(number).id))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "PLATFORM_NUMBER")


def test_slots_and_the_operators_store(operator, tenant):
    v1 = tenant.v1
    first, _ = bought(tenant), bought(tenant)
    request = v1.ProvisionPhoneNumberRequest(
        e164=tenant.for_sale(), request_id=request_id(), confirm_purchase=True)
    refused = refusal(tenant.numbers.ProvisionPhoneNumber, request)
    assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    release = v1.ReleasePhoneNumberRequest(id=first.id, confirm_release=True)
    done = tenant.end_of(tenant.numbers.ReleasePhoneNumber(release, timeout=ANSWER_MAX).operation)
    assert done.state == v1.Operation.STATE_SUCCEEDED, done.error
    # It is with the operator, under a name that tells so, and no call comes here.
    held = tenant.at_carrier(first.carrier_sid)
    assert held["account_sid"] == operator.operator_account["sid"]
    assert held["friendly_name"] == f"quarantine-trunkline-{first.id}"
    assert first.carrier_sid not in tenant.audit()["numbers_released"]
    assert quota(tenant) == (1, SLOTS)
    bought(tenant)


def test_the_united_states_by_the_plan_and_not_by_its_code(operator, tenant):
    v1 = tenant.v1
    toronto, london = "+14165550142", "+442079460142"
    for e164 in (toronto, london):
        request = v1.ProvisionPhoneNumberRequest(
            e164=e164, request_id=request_id(), confirm_purchase=True)
        refused = refusal(tenant.numbers.ProvisionPhoneNumber, request)
        assert (refused.code, refused.fields) == (Code.INVALID_ARGUMENT, ["e164"])
    number = bought(tenant)
    tenant.assign(number, tenant.agent())
    home = tenant.fresh_far_end()
    results = tenant.place(number, toronto, home, london)
    for result in (results[0], results[2]):
        error = Refusal.of_status(result.error)
        assert (error.code, error.reason) == (Code.PERMISSION_DENIED, "COUNTRY_NOT_ALLOWED")
    assert tenant.wait_for_end(results[1].call.id).state == v1.Call.STATE_COMPLETED
    assert operator.posts_received(toronto) == operator.posts_received(london) == 0


def test_without_an_account_nothing_is_sold(stubs, tmp_path):
    from world import deployment

    with deployment(stubs, tmp_path) as world:
        refused = refusal(
            world.numbers.SearchAvailablePhoneNumbers,
            world.v1.SearchAvailablePhoneNumbersRequest(country="US"))
        assert (refused.code, refused.reason) == (
            Code.FAILED_PRECONDITION, "PLATFORM_NOT_CONFIGURED")
        assert quota(world) == (0, 0)
