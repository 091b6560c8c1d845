"""The CLI against a server that grpcio serves: what it sends, prints and ends with."""

import concurrent.futures
import json
import os
import signal
import subprocess
import threading
import types

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

import harness

# How long one run of the CLI may take, in seconds.
RUN_MAX = 30

PROVIDER_ID = "prv_0199f3a07c1e7d5ab0c7d42a91e0f6b3"


class Fake:
    """Answers the methods that a test sets in `answers`, and keeps what was asked in `asked`."""

    def __init__(self, stubs):
        self.answers = {}
        self.asked = []
        self.contexts = []
        self.executor = concurrent.futures.ThreadPoolExecutor(max_workers=8)
        self.server = grpc.server(self.executor)
        for service in ("ProviderService", "PhoneNumberService", "AgentService"):
            self._serve(stubs, service, [])
        self._serve(stubs, "CallDispatchService", ["WatchCalls"])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def _serve(self, stubs, service, streaming):
        base = getattr(stubs.v1, f"{service}Servicer")
        methods = {}
        for name in vars(base):
            if name[0].isupper():
                methods[name] = self._stream(name) if name in streaming else self._unary(name)
        servicer = type(f"Fake{service}", (base,), methods)()
        getattr(stubs.v1, f"add_{service}Servicer_to_server")(servicer, self.server)

    def _unary(self, name):
        def answer(_, request, context):
            self.asked.append(request)
            self.contexts.append(context)
            return self.answers[name](request, context)

        return answer

    def _stream(self, name):
        def answer(_, request, context):
            self.asked.append(request)
            yield from self.answers[name](request, context)

        return answer

    def stop(self):
        self.server.stop(0)
        self.executor.shutdown()


@pytest.fixture
def fake(stubs):
    server = Fake(stubs)
    yield server
    server.stop()


@pytest.fixture
def cli(fake):
    """Runs the CLI: cli("agents", "ls", stdin="…", environment={…})."""

    def run(*arguments, stdin="", environment=None):
        result = subprocess.run(
            [harness.program("trunkline"), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=RUN_MAX,
            env=_environment(fake, environment),
        )
        return types.SimpleNamespace(
            code=result.returncode, out=result.stdout, err=result.stderr
        )

    return run


def _environment(fake, more=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    return clean | {"TRUNKLINE_SERVER": f"127.0.0.1:{fake.port}"} | (more or {})


def refuse(code, message, reason, *details, metadata=None):
    """An answer that is an error with google.rpc details."""
    info = error_details_pb2.ErrorInfo(
        reason=reason, domain="trunkline.dev", metadata=metadata or {}
    )
    packed = []
    for detail in (info, *details):
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    status = status_pb2.Status(code=code.value[0], message=message, details=packed)

    def answer(_, context):
        context.abort_with_status(rpc_status.to_status(status))

    return answer


def stored_provider(stubs):
    return stubs.v1.Provider(
        id=PROVIDER_ID,
        display_name="Main — ünï",
        region=stubs.v1.REGION_IE1,
        state=stubs.v1.Provider.STATE_ACTIVE,
        twilio=stubs.v1.Provider.Twilio(
            account_sid="AC" + "1" * 32, api_key_sid="SK****6e2f", has_api_key_secret=True
        ),
    )


def test_secret_from_standard_input_reaches_the_server_and_nothing_else(cli, fake, stubs):
    fake.answers["CreateProvider"] = lambda request, context: stubs.v1.CreateProviderResponse(
        provider=stored_provider(stubs)
    )
    secret = "Zs3cr3t-ü"
    result = cli(
        *("providers", "create", "--region", "ie1", "--account-sid", "AC1"),
        *("--api-key-sid", "SK1", "--api-key-secret-file", "-", "--name", "Main"),
        stdin=secret + "\n",
    )
    assert result.code == 0, result.err
    sent = fake.asked[0]
    assert sent.provider.twilio.api_key_secret == secret
    assert sent.provider.region == stubs.v1.REGION_IE1
    assert 1 <= len(sent.request_id) <= 128
    assert PROVIDER_ID in result.out and "Main — ünï" in result.out
    assert secret not in result.out + result.err


def test_secret_from_a_file_and_the_environment(cli, fake, stubs, tmp_path):
    fake.answers["CreateProvider"] = lambda request, context: stubs.v1.CreateProviderResponse()
    (tmp_path / "key").write_text("from-file\n")
    result = cli(
        *("providers", "create", "--region", "us1", "--account-sid", "AC1"),
        *("--api-key-sid", "SK1", "--api-key-secret-file", str(tmp_path / "key")),
        environment={"TRUNKLINE_AUTH_TOKEN": "from-environment"},
    )
    assert result.code == 0, result.err
    assert fake.asked[0].provider.twilio.api_key_secret == "from-file"
    assert fake.asked[0].provider.twilio.auth_token == "from-environment"


def test_too_long_or_binary_secret_is_refused_before_anything_is_sent(cli, fake, tmp_path):
    (tmp_path / "long").write_bytes(b"x" * 5000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("long", "binary", "missing"):
        result = cli(
            *("providers", "create", "--region", "us1", "--account-sid", "AC1"),
            *("--auth-token-file", str(tmp_path / name)),
        )
        assert result.code == 2
        assert result.err.startswith("error: ")
    assert not fake.asked


def test_json_is_the_proto3_json_of_the_answer(cli, fake, stubs):
    answer = stubs.v1.GetProviderResponse(provider=stored_provider(stubs))
    fake.answers["GetProvider"] = lambda request, context: answer
    result = cli("providers", "get", PROVIDER_ID, "--output", "json")
    assert result.code == 0, result.err
    assert json_format.Parse(result.out, stubs.v1.GetProviderResponse()) == answer
    assert json.loads(result.out) == json_format.MessageToDict(answer)


def test_lists_are_read_page_by_page(cli, fake, stubs):
    def page(request, context):
        number = int(request.page_token or 1)
        return stubs.v1.ListPhoneNumbersResponse(
            phone_numbers=[stubs.v1.PhoneNumber(id=f"pn_{number}", e164="+15005550006")],
            next_page_token=str(number + 1) if number < 4 else "",
        )

    fake.answers["ListPhoneNumbers"] = page
    result = cli("phone-numbers", "ls", "--type", "twilio", "--agent-id", "desk")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "pn_1", "pn_2", "pn_3", "pn_4"]
    assert {request.agent_id for request in fake.asked} == {"desk"}
    assert {request.type for request in fake.asked} == {stubs.v1.PROVIDER_TYPE_TWILIO}


ERRORS = [
    (grpc.StatusCode.INVALID_ARGUMENT, 3),
    (grpc.StatusCode.NOT_FOUND, 4),
    (grpc.StatusCode.ALREADY_EXISTS, 5),
    (grpc.StatusCode.ABORTED, 5),
    (grpc.StatusCode.FAILED_PRECONDITION, 6),
    (grpc.StatusCode.PERMISSION_DENIED, 7),
    (grpc.StatusCode.UNAUTHENTICATED, 7),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, 8),
    (grpc.StatusCode.DEADLINE_EXCEEDED, 9),
    (grpc.StatusCode.INTERNAL, 1),
    (grpc.StatusCode.UNKNOWN, 1),
    (grpc.StatusCode.DATA_LOSS, 1),
]


@pytest.mark.parametrize("code, expected", ERRORS)
def test_exit_codes(cli, fake, code, expected):
    fake.answers["GetAgent"] = refuse(code, "Why: 100 % “so”.", "SOME_REASON")
    result = cli("agents", "get", "desk")
    assert result.code == expected
    assert f"Why: 100 % “so”. ({code.name}, SOME_REASON)" in result.err
    assert result.out == ""


def test_errors_name_fields_and_remedies(cli, fake):
    violation = error_details_pb2.BadRequest.FieldViolation(
        field="agent.connections[0].media_stream.url", description="It must begin with wss://."
    )
    fake.answers["CreateAgent"] = refuse(
        grpc.StatusCode.INVALID_ARGUMENT,
        "One field is wrong.",
        "FIELD_INVALID",
        error_details_pb2.BadRequest(field_violations=[violation]),
    )
    arguments = ("agents", "create", "desk", "--media-stream", "http://a")
    result = cli(*arguments)
    assert "  agent.connections[0].media_stream.url: It must begin with wss://.\n" in result.err
    report = json.loads(cli(*arguments, "-o", "json").err)["error"]
    assert report["status"] == "INVALID_ARGUMENT"
    assert report["reason"] == "FIELD_INVALID"
    assert report["exitCode"] == 3
    assert report["fieldViolations"][0]["field"] == "agent.connections[0].media_stream.url"


def test_unavailable_is_repeated_with_the_same_request_id(cli, fake, stubs):
    wait = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=1_000_000))
    busy = refuse(grpc.StatusCode.UNAVAILABLE, "Busy.", "STORE_UNAVAILABLE", wait)
    fake.answers["PlaceCalls"] = lambda request, context: (
        busy(request, context)
        if len(fake.asked) < 3
        else stubs.v1.PlaceCallsResponse(
            results=[stubs.v1.PlaceCallResult(call=stubs.v1.Call(id="call_us1_1"))]
        )
    )
    result = cli("calls", "place", "+15005550007", "--from", "pn_1")
    assert result.code == 0, result.err
    assert len(fake.asked) == 3
    assert len({request.request_id for request in fake.asked}) == 1
    assert fake.asked[0].request_id in result.out


def test_update_is_never_repeated(cli, fake):
    fake.answers["UpdateAgent"] = refuse(
        grpc.StatusCode.UNAVAILABLE, "Busy.", "STORE_UNAVAILABLE"
    )
    assert cli("agents", "update", "desk", "--name", "New").code == 9
    assert len(fake.asked) == 1


def test_timeout_is_the_deadline(cli, fake):
    over = threading.Event()

    def answer(request, context):
        context.add_callback(over.set)
        assert context.time_remaining() < 1
        over.wait(RUN_MAX)

    fake.answers["GetAgent"] = answer
    result = cli("agents", "get", "desk", "--timeout", "300ms")
    assert result.code == 9
    assert "DEADLINE_EXCEEDED" in result.err and "--timeout allows more time." in result.err
    assert over.wait(RUN_MAX)


def test_refused_destinations_end_with_their_own_code(cli, fake, stubs):
    status = status_pb2.Status(code=7, message="An emergency number is not called.")
    fake.answers["PlaceCalls"] = lambda request, context: stubs.v1.PlaceCallsResponse(
        results=[
            stubs.v1.PlaceCallResult(call=stubs.v1.Call(id="call_us1_1")),
            stubs.v1.PlaceCallResult(error=status),
        ]
    )
    result = cli("calls", "place", "+15005550007", "+1911", "--from", "pn_1", "-o", "json")
    assert result.code == 10
    assert [list(entry) for entry in json.loads(result.out)["results"]] == [["call"], ["error"]]
    assert json.loads(result.err)["error"]["message"] == "1 of 2 calls were refused."


def test_watch_prints_each_change_when_it_happens(fake, stubs):
    """A line comes out while the stream is open, also into a pipe; an interrupt ends it."""
    go_on = threading.Event()

    def changes(request, context):
        yield stubs.v1.WatchCallsResponse(
            call=stubs.v1.Call(id="call_us1_1", state=stubs.v1.Call.STATE_RINGING),
            resume_token="t1",
        )
        go_on.wait(RUN_MAX)
        yield stubs.v1.WatchCallsResponse(
            call=stubs.v1.Call(id="call_us1_1", state=stubs.v1.Call.STATE_COMPLETED),
            resume_token="t2",
        )
        context.add_callback(go_on.set)
        go_on.clear()
        go_on.wait(RUN_MAX)

    fake.answers["WatchCalls"] = changes
    with subprocess.Popen(
        [harness.program("trunkline"), "calls", "watch", "-o", "json", "--resume-token", "t0"],
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(fake),
    ) as process:
        try:
            first = json.loads(process.stdout.readline())
            assert first["call"]["state"] == "STATE_RINGING"
            assert first["resumeToken"] == "t1"
            go_on.set()
            assert json.loads(process.stdout.readline())["resumeToken"] == "t2"
            process.send_signal(signal.SIGINT)
            assert process.wait(RUN_MAX) == -signal.SIGINT
        finally:
            process.kill()
            go_on.set()
    assert fake.asked[0].resume_token == "t0"


def test_watch_of_one_call_ends_with_it(cli, fake, stubs):
    def changes(request, context):
        for state in (stubs.v1.Call.STATE_DIALING, stubs.v1.Call.STATE_BUSY):
            yield stubs.v1.WatchCallsResponse(
                call=stubs.v1.Call(id="call_us1_1", state=state), resume_token="t"
            )
        threading.Event().wait(1 if context.is_active() else 0)

    fake.answers["WatchCalls"] = changes
    result = cli("calls", "watch", "call_us1_1")
    assert result.code == 0, result.err
    assert [line.split()[-1] for line in result.out.splitlines()] == ["dialing", "busy"]


def test_watch_goes_on_where_a_connection_left_it(cli, fake, stubs):
    """Servers let connections go when they are old: the stream ends as UNAVAILABLE, and begins anew."""
    call = stubs.v1.Call
    streams = iter([[call.STATE_DIALING, call.STATE_RINGING], [], [call.STATE_IN_PROGRESS], [call.STATE_COMPLETED]])
    tokens = iter(range(1, 10))

    def changes(request, context):
        for state in next(streams):
            yield stubs.v1.WatchCallsResponse(
                call=call(id="call_us1_1", state=state), resume_token=f"t{next(tokens)}"
            )
        if request.resume_token == "t2":
            # All of the beginning was sent: the stream lived.
            yield stubs.v1.WatchCallsResponse(
                call=call(id="call_us1_2", state=call.STATE_QUEUED), resume_token=f"t{next(tokens)}"
            )
        context.abort(grpc.StatusCode.UNAVAILABLE, "The connection reached its age.")

    fake.answers["WatchCalls"] = changes
    result = cli("calls", "watch", "call_us1_1")
    assert result.code == 0, result.err
    states = [line.split()[-1] for line in result.out.splitlines()]
    assert states == ["dialing", "ringing", "in_progress", "completed"]
    assert [request.resume_token for request in fake.asked] == ["", "t2", "t3", "t4"]


def test_watch_of_a_server_that_is_gone_ends(cli, fake):
    fake.answers["WatchCalls"] = lambda request, context: context.abort(
        grpc.StatusCode.UNAVAILABLE, "The server is shutting down."
    )
    result = cli("calls", "watch")
    assert result.code == 9 and len(fake.asked) == 1, result.err


def test_nobody_listens(cli):
    result = cli("agents", "ls", "--server", f"127.0.0.1:{harness.free_port()}")
    assert result.code == 9
    assert "Does trunklined listen on 127.0.0.1:" in result.err


def test_large_answers_and_texts_of_every_kind(cli, fake, stubs):
    """2 MB of answer over the flow-control window, and texts that could drive a terminal."""
    agents = [
        stubs.v1.Agent(id=f"agent-{index}", display_name="\x1b[31m" + "é" * 60 + "\n")
        for index in range(10_000)
    ]
    fake.answers["ListAgents"] = lambda request, context: stubs.v1.ListAgentsResponse(
        agents=agents[: request.page_size * 50]
    )
    result = cli("agents", "ls", "--limit", "100000")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 10_001
    assert "\x1b" not in result.out
