"""CancelOperation: what can still end as if it had not been begun, does."""

import contextlib

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from world import ANSWER_MAX, Refusal, deployment, refusal, request_id

Code = grpc.StatusCode
CONFIGURATION = "*/IncomingPhoneNumbers/*.json"
FORMER = {"voice_url": "https://former.example.com/voice", "voice_method": "POST"}


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("cancel")) as world:
        yield world


def cancel(world, operation):
    request = world.v1.CancelOperationRequest(id=operation.id)
    return world.operations.CancelOperation(request, timeout=ANSWER_MAX).operation


def end_of(world, operation):
    request = world.v1.WaitOperationRequest(id=operation.id)
    return world.operations.WaitOperation(request, timeout=ANSWER_MAX).operation


def running(world, kind):
    """The operation of this type that goes on, once there is one."""
    v1 = world.v1
    request = v1.ListOperationsRequest(state=v1.Operation.STATE_RUNNING)
    return wait_until(
        lambda: next(
            (o for o in world.operations.ListOperations(request, timeout=ANSWER_MAX).operations
             if o.type == v1.Operation.Type.Value(f"TYPE_{kind}")), None),
        f"a running {kind}", ANSWER_MAX)


def check_cancelled(world, operation):
    ended = end_of(world, operation)
    assert ended.state == world.v1.Operation.STATE_FAILED and ended.cancel_requested, ended
    assert Refusal.of_status(ended.error).reason == "OPERATION_CANCELLED"
    # Once more is fine, and changes nothing.
    assert cancel(world, operation) == ended
    return ended


def test_an_import_that_hangs_is_undone(world):
    account = world.account()
    provider = world.provider(account, "ie1")
    held = world.carrier_number(account, configurations={"ie1": FORMER})
    before = world.at_carrier(held["sid"])
    # The webhook is written; the region that is set after it is not.
    world.sim.control("POST", "/faults", {
        "kind": "status", "method": "POST", "path": "*/PhoneNumbers/*", "status": 503, "count": 0})
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id())
    importing = world.numbers.ImportPhoneNumber.future(request, timeout=ANSWER_MAX)
    operation = running(world, "IMPORT_PHONE_NUMBER")
    wait_until(lambda: world.at_carrier(held["sid"]) != before, "the webhook", ANSWER_MAX)
    assert cancel(world, operation).cancel_requested
    with pytest.raises(grpc.RpcError) as caught:
        importing.result()
    refused = Refusal(caught.value)
    assert (refused.code, refused.reason) == (Code.CANCELLED, "OPERATION_CANCELLED")
    world.sim.control("DELETE", "/faults")
    check_cancelled(world, operation)
    assert world.at_carrier(held["sid"]) == before
    assert refusal(
        world.numbers.GetPhoneNumber,
        world.v1.GetPhoneNumberRequest(id=operation.phone_number_id)).code is Code.NOT_FOUND
    # The same request imports it now.
    again = world.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX).phone_number
    assert again.e164 == held["phone_number"]


def test_a_move_that_waits_goes_back(world):
    account = world.account()
    target = world.provider(account, "ie1")
    number = world.number_of("us1", account, assigned=False)
    before = world.at_carrier(number.carrier_sid)
    operation = world.numbers.MovePhoneNumber(world.v1.MovePhoneNumberRequest(
        id=number.id, provider_id=target.id, request_id=request_id()), timeout=ANSWER_MAX).operation
    wait_until(
        lambda: world.at_carrier(number.carrier_sid)["voice_region"] == "ie1", "the region",
        ANSWER_MAX)
    step = world.v1.Operation.Step
    wait_until(
        lambda: any(
            s.type == step.TYPE_PROPAGATION and s.state == step.STATE_RUNNING
            for s in world.operations.GetOperation(
                world.v1.GetOperationRequest(id=operation.id), timeout=ANSWER_MAX).operation.steps),
        "the wait for the carrier", ANSWER_MAX)
    cancel(world, operation)
    check_cancelled(world, operation)
    after = world.number(number.id)
    assert (after.provider_id, after.pending_provider_id) == (number.provider_id, "")
    assert after.state == world.v1.PhoneNumber.STATE_ACTIVE and not after.leftovers
    settled = world.at_carrier(number.carrier_sid)
    assert settled["configurations"]["us1"] == before["configurations"]["us1"]
    assert (settled["voice_region"] or "us1") == "us1"


def test_what_can_not_be_cancelled_says_why(world):
    number = world.number_of(assigned=False)
    done = world.operation_of(number)
    request = world.v1.CancelOperationRequest(id=done.id)
    refused = refusal(world.operations.CancelOperation, request)
    assert (refused.code, refused.reason) == (
        Code.FAILED_PRECONDITION, "OPERATION_NOT_CANCELLABLE")
    assert "is over" in refused.message
    world.sim.control("POST", "/faults", {
        "kind": "status", "method": "POST", "path": CONFIGURATION, "status": 503, "count": 0})
    deleting = world.numbers.DeletePhoneNumber.future(
        world.v1.DeletePhoneNumberRequest(id=number.id), timeout=ANSWER_MAX)
    operation = running(world, "DELETE_PHONE_NUMBER")
    refused = refusal(
        world.operations.CancelOperation, world.v1.CancelOperationRequest(id=operation.id))
    assert "deletion" in refused.message
    world.sim.control("DELETE", "/faults")
    deleting.result()


def batch_of(world, provider, numbers):
    request = world.v1.BatchImportPhoneNumbersRequest(
        provider_id=provider.id, request_id=request_id())
    for e164 in numbers:
        request.numbers.add(e164=e164)
    return request


def test_a_batch_begins_no_more(world):
    account = world.account()
    provider = world.provider(account)
    numbers = [world.carrier_number(account)["phone_number"] for _ in range(60)]
    world.sim.control("POST", "/faults", {
        "kind": "delay", "method": "POST", "path": CONFIGURATION, "delay_ms": 500, "count": 0})
    request = batch_of(world, provider, numbers)
    stream = world.numbers.BatchImportPhoneNumbers(request, timeout=ANSWER_MAX)
    first = next(stream)
    operation = world.operations.GetOperation(
        world.v1.GetOperationRequest(id=first.operation_id), timeout=ANSWER_MAX).operation
    assert operation.type == world.v1.Operation.TYPE_BATCH_IMPORT
    assert operation.provider_id == provider.id
    cancel(world, operation)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert Refusal(caught.value).reason == "OPERATION_CANCELLED"
    world.sim.control("DELETE", "/faults")
    ended = check_cancelled(world, operation)
    imported = {r.phone_number_id for r in ended.batch_import.results if r.phone_number_id}
    held = {n.id for n in world.all_numbers() if n.provider_id == provider.id}
    assert 1 <= len(imported) < 60 and imported == held
    assert ended.batch_import.total_count == 60
    # Sent again it imports the rest.
    answers = list(world.numbers.BatchImportPhoneNumbers(request, timeout=120))
    assert (answers[-1].done_count, answers[-1].failed_count) == (60, 0)
    assert {a.operation_id for a in answers} == {operation.id}


def staged(world, count):
    account = world.account()
    provider = world.provider(account)
    numbers = [world.carrier_number(account)["phone_number"] for _ in range(count)]
    for e164 in numbers:
        world.import_number(provider, e164, supports_inbound=False)
    key = world.key(account)
    twilio = world.v1.Provider.Twilio(api_key_sid=key["sid"], api_key_secret=key["secret"])
    world.providers.StageCredential(
        world.v1.StageCredentialRequest(id=provider.id, twilio=twilio), timeout=ANSWER_MAX)
    return provider, key


def slow_reads(world, milliseconds):
    world.sim.control("POST", "/faults", {
        "kind": "delay", "method": "GET", "path": CONFIGURATION, "delay_ms": milliseconds,
        "count": 0})


def read(world, provider):
    return world.providers.GetProvider(
        world.v1.GetProviderRequest(id=provider.id), timeout=ANSWER_MAX).provider


def test_a_promotion_changes_nothing(world):
    provider, _ = staged(world, 12)
    before = read(world, provider)
    slow_reads(world, 1000)
    request = world.v1.PromoteCredentialRequest(id=provider.id)
    promoting = world.providers.PromoteCredential.future(request, timeout=ANSWER_MAX)
    operation = running(world, "ROTATE_CREDENTIAL")
    # Who asks once more waits for the same one.
    joined = world.providers.PromoteCredential.future(request, timeout=ANSWER_MAX)
    cancel(world, operation)
    for waiting in (promoting, joined):
        with pytest.raises(grpc.RpcError) as caught:
            waiting.result()
        assert Refusal(caught.value).reason == "OPERATION_CANCELLED"
    world.sim.control("DELETE", "/faults")
    check_cancelled(world, operation)
    assert read(world, provider) == before


def test_a_sync_stops(world):
    account = world.account()
    provider = world.provider(account)
    world.import_number(provider, world.carrier_number(account)["phone_number"])
    slow = {"kind": "delay", "method": "GET", "path": "*", "delay_ms": 1500, "count": 0}
    world.sim.control("POST", "/faults", slow)
    operation = world.providers.SyncProvider(
        world.v1.SyncProviderRequest(id=provider.id), timeout=ANSWER_MAX).operation
    cancel(world, operation)
    world.sim.control("DELETE", "/faults")
    check_cancelled(world, operation)


def test_the_command_line(world):
    account = world.account()
    target = world.provider(account, "ie1")
    number = world.number_of("us1", account, assigned=False)
    operation = world.numbers.MovePhoneNumber(world.v1.MovePhoneNumberRequest(
        id=number.id, provider_id=target.id), timeout=ANSWER_MAX).operation
    done = harness.run_cli("operations", "cancel", operation.id, address=world.server.address)
    assert done.returncode == 0 and operation.id in done.stdout, done.stderr
    check_cancelled(world, operation)
    over = harness.run_cli(
        "operations", "cancel", world.operation_of(world.number_of(assigned=False)).id,
        address=world.server.address)
    assert over.returncode != 0 and "OPERATION_NOT_CANCELLABLE" in over.stderr


# Rotation as an operation


def test_a_promotion_tells_how_far_it_is(world):
    provider, key = staged(world, 24)
    slow_reads(world, 700)
    begun = world.providers.PromoteCredential(
        world.v1.PromoteCredentialRequest(id=provider.id, begin_only=True), timeout=ANSWER_MAX)
    assert begun.operation.state == world.v1.Operation.STATE_RUNNING
    assert begun.provider.HasField("staged_credential")
    read_again = world.v1.GetOperationRequest(id=begun.operation.id)
    wait_until(
        lambda: 0 < world.operations.GetOperation(
            read_again, timeout=ANSWER_MAX).operation.rotation.tried_count < 24,
        "the progress", ANSWER_MAX)
    world.sim.control("DELETE", "/faults")
    ended = end_of(world, begun.operation)
    assert ended.state == world.v1.Operation.STATE_SUCCEEDED
    assert (ended.rotation.tried_count, ended.rotation.total_count) == (24, 24)
    promoted = read(world, provider)
    assert not promoted.HasField("staged_credential")
    assert promoted.previous_credential.api_key_sid


def test_every_unreachable_number_is_on_the_operation(world):
    provider, key = staged(world, 60)
    # The key is taken, and sees none of the numbers.
    world.sim.control("POST", "/faults", {
        "kind": "status", "method": "GET", "path": CONFIGURATION, "status": 404, "code": 20404,
        "count": 0})
    refused = refusal(
        world.providers.PromoteCredential, world.v1.PromoteCredentialRequest(id=provider.id))
    world.sim.control("DELETE", "/faults")
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "NUMBERS_UNREACHABLE")
    assert refused.info.metadata["total"] == "60" and len(refused.preconditions) == 50
    operation = world.operations.GetOperation(world.v1.GetOperationRequest(
        id=refused.info.metadata["operation_id"]), timeout=ANSWER_MAX).operation
    assert operation.rotation.unreachable_count == 60
    assert {n.phone_number_id for n in operation.rotation.unreachable_numbers} == {
        n.id for n in world.all_numbers() if n.provider_id == provider.id}
    assert Refusal.of_status(operation.error).reason == "NUMBERS_UNREACHABLE"
    told = harness.run_cli("providers", "promote", provider.id, address=world.server.address)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_works_go_on_after_a_kill(stubs, sim, start_server, tmp_path, store):
    """A batch and a promotion come to their end without anybody asking once more."""
    with contextlib.ExitStack() as stack:
        arguments = []
        if store == "postgresql":
            database = stack.enter_context(postgres.Server(tmp_path / "pg"))
            database.make_database("trunkline")
            arguments = [f"--database={database.url('trunkline')}"]
        server = start_server("killed", arguments=arguments)
        world = worlds.World(stubs, sim, server)
        stack.callback(world.close)
        provider, key = staged(world, 10)
        account = world.account()
        other = world.provider(account)
        numbers = [world.carrier_number(account)["phone_number"] for _ in range(20)]
        slow_reads(world, 800)
        sim.control("POST", "/faults", {
            "kind": "delay", "method": "POST", "path": CONFIGURATION, "delay_ms": 300, "count": 0})
        rotation = world.providers.PromoteCredential(
            world.v1.PromoteCredentialRequest(id=provider.id, begin_only=True),
            timeout=ANSWER_MAX).operation
        stream = world.numbers.BatchImportPhoneNumbers(
            batch_of(world, other, numbers), timeout=ANSWER_MAX)
        batch = next(stream).operation_id
        server.kill()
        sim.control("DELETE", "/faults")
        server.start()
        world.connect()
        for id in (rotation.id, batch):
            ended = wait_until(
                lambda id=id: (o := world.operations.GetOperation(
                    world.v1.GetOperationRequest(id=id), timeout=ANSWER_MAX).operation
                ).state != world.v1.Operation.STATE_RUNNING and o, "the end", 90)
            assert ended.state == world.v1.Operation.STATE_SUCCEEDED, ended
        promoted = read(world, provider)
        assert not promoted.HasField("staged_credential")
        assert promoted.HasField("previous_credential")
        held = [n for n in world.all_numbers() if n.provider_id == other.id]
        assert sorted(n.e164 for n in held) == sorted(numbers)
        assert {n.state for n in held} == {world.v1.PhoneNumber.STATE_ACTIVE}
