"""Work at the carrier as its tenant follows it: OperationService and `trunkline operations`."""

import json

import grpc
import pytest

import harness
from harness import wait_until
from world import ANSWER_MAX, Refusal, deployment, refusal, request_id

CONFIGURATION = "*/IncomingPhoneNumbers/*.json"


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("operations")) as world:
        yield world


def names(world, operation):
    """`(type, state, [step state, …])`, without the prefixes."""
    kinds = world.v1.Operation
    step = kinds.Step
    return (
        kinds.Type.Name(operation.type).removeprefix("TYPE_"),
        kinds.State.Name(operation.state).removeprefix("STATE_"),
        [(step.Type.Name(s.type).removeprefix("TYPE_"),
          step.State.Name(s.state).removeprefix("STATE_")) for s in operation.steps],
    )


def cli(world, *arguments):
    outcome = harness.run_cli("operations", *arguments, address=world.server.address)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_import_and_deletion_are_operations(world):
    number = world.number_of("ie1", assigned=False)
    imported = world.operation_of(number)
    assert names(world, imported) == (
        "IMPORT_PHONE_NUMBER", "SUCCEEDED", [("WEBHOOK", "DONE"), ("PROCESSING_REGION", "DONE")])
    assert imported.end_time.ToMicroseconds() >= imported.create_time.ToMicroseconds() > 0
    world.delete_number(number)
    request = world.v1.ListOperationsRequest(phone_number_id=number.id)
    newest, before = world.operations.ListOperations(request, timeout=ANSWER_MAX).operations
    assert before == imported
    assert names(world, newest) == (
        "DELETE_PHONE_NUMBER", "SUCCEEDED", [("PROCESSING_REGION", "DONE"), ("WEBHOOK", "DONE")])


def test_what_could_not_be_done_says_why(world):
    account = world.account()
    provider = world.provider(account)
    held = world.carrier_number(account)
    world.sim.control("POST", "/faults", {
        "kind": "status", "method": "POST", "path": CONFIGURATION, "status": 400, "code": 21402})
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id())
    refused = refusal(world.numbers.ImportPhoneNumber, request)
    number_id = refused.info.metadata["phone_number_id"]
    listed = world.operations.ListOperations(
        world.v1.ListOperationsRequest(
            phone_number_id=number_id, state=world.v1.Operation.STATE_FAILED),
        timeout=ANSWER_MAX,
    ).operations
    assert [names(world, found)[:2] for found in listed] == [("IMPORT_PHONE_NUMBER", "FAILED")]
    assert {step for _, step in names(world, listed[0])[2]} == {"UNDONE"}
    assert (listed[0].error.code, listed[0].error.message) == (
        refused.code.value[0], refused.message)
    table = cli(world, "ls", "--state", "failed", "--number", number_id)
    assert listed[0].id in table and "import_phone_number" in table
    assert held["phone_number"] not in table


def test_a_wait_ends_with_the_work_or_with_its_time(world):
    account = world.account()
    provider = world.provider(account, "au1")
    held = world.carrier_number(account)
    down = {"kind": "status", "method": "POST", "path": CONFIGURATION, "status": 503, "count": 0}
    world.sim.control("POST", "/faults", down)
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id())
    importing = world.numbers.ImportPhoneNumber.future(request, timeout=ANSWER_MAX)
    running = world.v1.ListOperationsRequest(state=world.v1.Operation.STATE_RUNNING)
    operation = wait_until(
        lambda: next(iter(world.operations.ListOperations(running, timeout=ANSWER_MAX).operations),
                     None), "the import has begun")
    wait = world.v1.WaitOperationRequest(id=operation.id)
    wait.timeout.FromMilliseconds(50)
    still = world.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert names(world, still)[1] == "RUNNING" and not still.HasField("end_time")
    with pytest.raises(grpc.RpcError) as late:
        world.operations.WaitOperation(world.v1.WaitOperationRequest(id=operation.id), timeout=0.2)
    assert Refusal(late.value).code is grpc.StatusCode.DEADLINE_EXCEEDED
    waiting = world.operations.WaitOperation.future(
        world.v1.WaitOperationRequest(id=operation.id), timeout=ANSWER_MAX)
    world.sim.control("DELETE", "/faults")
    done = waiting.result().operation
    assert names(world, done)[1] == "SUCCEEDED"
    assert importing.result().phone_number.id == done.phone_number_id
    told = json.loads(cli(world, "wait", operation.id, "-o", "json"))
    assert told["operation"]["state"] == "STATE_SUCCEEDED"
    assert "processing_region au1 done" in cli(world, "get", operation.id)
