"""carrier-sim judged by Twilio's own Python client: unchanged but for the address it asks."""

import datetime
import http.server
import json
import threading
import urllib.parse

import pytest
import requests
from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator

import harness
from carrier import EVENTS, NUMBER, REGIONS, TO, Carrier, error_of

CALLER = "+15005550002"
STREAM = (
    "<Response><Connect><Stream url='wss://agent.example/stream'>"
    "<Parameter name='call' value='1'/></Stream></Connect></Response>"
)
HANG_UP = "<Response><Hangup/></Response>"


class Webhook:
    """A webhook server: keeps what comes, answers TwiML to /voice and 204 to /status."""

    def __init__(self):
        self.requests = []
        self.twiml = STREAM
        self.changed = threading.Condition()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
                with webhook.changed:
                    webhook.requests.append((self.path, form, dict(self.headers)))
                    webhook.changed.notify_all()
                is_voice = self.path.startswith("/voice")
                answer = webhook.twiml.encode() if is_voice else b""
                self.send_response(200 if is_voice else 204)
                if is_voice:
                    self.send_header("Content-Type", "text/xml")
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def wait(self, path, count):
        """The first `count` forms that came to `path`."""

        def forms():
            return [form for where, form, _ in self.requests if where.startswith(path)]

        with self.changed:
            assert self.changed.wait_for(lambda: len(forms()) >= count, 20), self.requests
            return forms()


@pytest.fixture
def webhook():
    server = Webhook()
    yield server
    server.close()


@pytest.fixture
def carrier(sim):
    return Carrier(sim)


# Regions and credentials


def test_keys_open_their_own_region_only(carrier):
    for door in REGIONS:
        for owner in REGIONS:
            key = carrier.keys[owner]
            client = carrier.client(door, key["sid"], key["secret"])
            if door == owner:
                assert len(client.incoming_phone_numbers.list()) == 1
            else:
                # The client says no more than this of a list that it can't fetch.
                with pytest.raises(TwilioException) as caught:
                    client.incoming_phone_numbers.list()
                assert caught.value.args[1].status_code == 401
                number = client.incoming_phone_numbers(carrier.number["sid"])
                assert error_of(number.fetch) == (401, 20003)


def test_a_standard_key_reads_no_account(carrier):
    assert error_of(carrier.client().api.accounts(carrier.sid).fetch) == (401, 20003)
    client = carrier.client("us1", carrier.sid, carrier.token())
    account = client.api.accounts(carrier.sid).fetch()
    assert (account.sid, account.status, account.type) == (carrier.sid, "active", "Full")
    assert [entry.sid for entry in client.api.accounts.list()] == [carrier.sid]


def test_main_and_restricted_keys(sim, carrier):
    main = sim.control(
        "POST", "/keys", {"account_sid": carrier.sid, "region": "au1", "kind": "main"}
    )
    client = carrier.client("au1", main["sid"], main["secret"])
    assert client.api.accounts(carrier.sid).fetch().sid == carrier.sid
    narrow = sim.control(
        "POST",
        "/keys",
        {
            "account_sid": carrier.sid,
            "region": "us1",
            "kind": "restricted",
            "permissions": ["numbers"],
        },
    )
    client = carrier.client("us1", narrow["sid"], narrow["secret"])
    assert client.incoming_phone_numbers(carrier.number["sid"]).fetch().phone_number == NUMBER
    assert error_of(client.calls("CA" + "0" * 32).fetch) == (403, 20003)


# Numbers and routes


def test_numbers_are_listed_fetched_and_configured_per_region(sim, carrier):
    sid = carrier.number["sid"]
    ireland = carrier.client("ie1")
    assert [n.sid for n in ireland.incoming_phone_numbers.list(phone_number=NUMBER)] == [sid]
    assert ireland.incoming_phone_numbers.list(phone_number="+4930*") == []
    updated = ireland.incoming_phone_numbers(sid).update(
        voice_url="https://app.example/voice",
        voice_method="POST",
        voice_fallback_url="https://other.example/voice",
        status_callback="https://app.example/status",
    )
    assert updated.voice_url == "https://app.example/voice"
    fetched = ireland.incoming_phone_numbers(sid).fetch()
    assert fetched.voice_fallback_url == "https://other.example/voice"
    assert fetched.capabilities["voice"] is True
    assert isinstance(fetched.date_updated, datetime.datetime)
    assert carrier.client("us1").incoming_phone_numbers(sid).fetch().voice_url == ""
    audit = sim.control("GET", "/audit?prefix=https://app.example")
    assert {(c["region"], c["field"]) for c in audit["configurations"]} == {
        ("ie1", "voice_url"),
        ("ie1", "status_callback"),
    }
    update = ireland.incoming_phone_numbers(sid).update
    assert error_of(lambda: update(voice_url="nowhere")) == (400, 21402)
    assert error_of(lambda: update(trunk_sid="TK" + "0" * 32)) == (400, 21245)
    assert error_of(ireland.incoming_phone_numbers("PN" + "0" * 32).fetch) == (404, 20404)


def test_a_route_is_unset_at_first(carrier):
    routes = carrier.client("ie1").routes.v2
    assert error_of(routes.phone_numbers(NUMBER).fetch) == (404, 20404)
    made = routes.phone_numbers(NUMBER).update(voice_region="ie1", friendly_name="Ireland")
    assert (made.voice_region, made.account_sid) == ("ie1", carrier.sid)
    fetched = carrier.client("us1").routes.v2.phone_numbers(carrier.number["sid"]).fetch()
    assert (fetched.voice_region, fetched.friendly_name) == ("ie1", "Ireland")
    assert isinstance(fetched.date_created, datetime.datetime)
    assert error_of(lambda: routes.phone_numbers(NUMBER).update(voice_region="xx"))[1] == 20001


def test_pages(sim, carrier):
    for index in range(25):
        number = f"+1500555{1000 + index}"
        sim.control("POST", "/numbers", {"account_sid": carrier.sid, "phone_number": number})
    client = carrier.client()
    numbers = client.incoming_phone_numbers.list(page_size=7)
    assert len({n.phone_number for n in numbers}) == 26
    first = client.incoming_phone_numbers.page(page_size=20)
    assert len(list(first)) == 20
    second = first.next_page()
    assert len(list(second)) == 6
    assert second.next_page() is None
    assert len(list(second.previous_page())) == 20


# Calls


def test_an_outbound_call_from_queue_to_end(sim, carrier, webhook):
    call = carrier.dial(webhook)
    assert (call.status, call.start_time, call.direction) == ("queued", None, "outbound-api")
    forms = webhook.wait("/status", 3)
    assert [form["CallStatus"] for form in forms] == ["initiated", "ringing", "in-progress"]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2"]
    assert forms[0]["CallbackSource"] == "call-progress-events"
    assert webhook.wait("/voice", 1)[0]["CallSid"] == call.sid
    client = carrier.client()
    harness.wait_until(
        lambda: sim.control("GET", f"/calls/{call.sid}")["disposition"], "the stream"
    )
    view = sim.control("GET", f"/calls/{call.sid}")
    assert view["disposition"]["url"] == "wss://agent.example/stream"
    assert view["disposition"]["parameters"] == {"call": "1"}
    assert client.calls(call.sid).fetch().status == "in-progress"
    assert error_of(lambda: client.calls(call.sid).update(status="canceled")) == (400, 21220)
    ended = client.calls(call.sid).update(status="completed")
    assert ended.status == "completed"
    assert webhook.wait("/status", 4)[3]["CallStatus"] == "completed"
    assert error_of(lambda: client.calls(call.sid).update(status="completed")) == (400, 21220)
    fetched = client.calls(call.sid).fetch()
    assert isinstance(fetched.start_time, datetime.datetime)
    assert fetched.end_time >= fetched.start_time


@pytest.mark.parametrize("region", REGIONS)
def test_the_clients_validator_accepts_the_signatures(carrier, webhook, region):
    call = carrier.dial(webhook, region)
    webhook.wait("/status", 3)
    webhook.wait("/voice", 1)
    validator = RequestValidator(carrier.token(region))
    other = RequestValidator("forged")
    for path, form, headers in webhook.requests:
        signature = headers["X-Twilio-Signature"]
        assert validator.validate(webhook.url + path, form, signature)
        assert not other.validate(webhook.url + path, form, signature)
        assert not validator.validate(webhook.url + path, form | {"To": "+1"}, signature)
    carrier.client(region).calls(call.sid).update(status="completed")


def test_calls_live_in_their_region(carrier, webhook):
    call = carrier.dial(webhook, "au1")
    for region in ("us1", "ie1"):
        client = carrier.client(region)
        assert error_of(client.calls(call.sid).fetch) == (404, 20404)
        assert error_of(lambda: client.calls(call.sid).update(status="completed"))[1] == 20404
        assert client.calls.list() == []
    assert [c.sid for c in carrier.client("au1").calls.list(to=TO, from_=NUMBER)] == [call.sid]


def test_a_queued_call_has_no_start_time(sim, carrier, webhook):
    sim.control("POST", f"/accounts/{carrier.sid}", {"calls_per_second": 1})
    calls = [carrier.dial(webhook, to=f"+1500555200{index}") for index in range(4)]
    client = carrier.client()
    last = client.calls(calls[3].sid).fetch()
    assert (last.status, last.start_time) == ("queued", None)
    since = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    assert calls[3].sid not in {c.sid for c in client.calls.list(start_time_after=since)}
    assert calls[3].sid in {c.sid for c in client.calls.list(to="+15005552003")}
    assert calls[3].sid in {c.sid for c in client.calls.list(status="queued")}
    assert client.calls(calls[3].sid).update(status="canceled").status == "canceled"


def test_a_list_shows_a_call_late(sim, carrier, webhook):
    sim.control("POST", "/settings", {"listing_delay_ms": 3_600_000})
    call = carrier.dial(webhook)
    client = carrier.client()
    assert client.calls.list() == []
    assert client.calls(call.sid).fetch().sid == call.sid
    sim.control("POST", "/clock", {"advance_ms": 3_600_000})
    assert [c.sid for c in client.calls.list()] == [call.sid]


@pytest.mark.parametrize(
    "options, code",
    [
        ({"to": "12"}, 21211),
        ({"from_": "nobody"}, 21212),
        ({"from_": "+15005550099"}, 21210),
        ({"to": NUMBER}, 21266),
        ({"timeout": 601}, 20001),
        ({"method": "PUT"}, 21206),
    ],
)
def test_bad_calls_are_refused(sim, carrier, webhook, options, code):
    assert error_of(lambda: carrier.dial(webhook, **options)) == (400, code)
    assert sim.control("GET", "/audit")["calls_created"] == {}


def test_a_call_needs_a_url(carrier):
    create = carrier.client().calls.create
    assert error_of(lambda: create(to=TO, from_=NUMBER)) == (400, 21205)
    assert error_of(lambda: create(to=TO, from_=NUMBER, url="x")) == (400, 21205)
    assert error_of(lambda: create(to=TO, from_=NUMBER, twiml="<Response>")) == (400, 12100)
    assert error_of(lambda: create(to="", from_=NUMBER, url="http://a.example")) == (400, 21201)


@pytest.mark.parametrize(
    "far_end, status",
    [
        ({"outcome": "busy"}, "busy"),
        ({"outcome": "failed", "error_code": 32017}, "failed"),
        ({"hang_up_after_ms": 50}, "completed"),
    ],
)
def test_far_ends(sim, carrier, webhook, far_end, status):
    sim.control("POST", "/far-ends", {"to": TO} | far_end)
    call = carrier.dial(webhook)
    count = 4 if status == "completed" else 3
    last = webhook.wait("/status", count)[-1]
    assert last["CallStatus"] == status
    assert last.get("ErrorCode") == ("32017" if status == "failed" else None)
    assert carrier.client().calls(call.sid).fetch().status == status


def test_a_refused_destination(sim, carrier, webhook):
    sim.control("POST", "/far-ends", {"to": TO, "outcome": "refuse", "error_code": 21215})
    assert error_of(lambda: carrier.dial(webhook)) == (400, 21215)


def test_a_price_comes_late(sim, carrier, webhook):
    webhook.twiml = HANG_UP
    call = carrier.dial(webhook)
    webhook.wait("/status", 4)
    assert carrier.client().calls(call.sid).fetch().price is None
    sim.control("POST", "/clock", {"advance_ms": 10_000})
    assert carrier.client().calls(call.sid).fetch().price == "-0.0140"


# Inbound calls


def configure(carrier, webhook, region="us1", **options):
    carrier.client(region).incoming_phone_numbers(carrier.number["sid"]).update(
        voice_url=f"{webhook.url}/voice", **options
    )


def test_an_inbound_call_rests_at_its_stream(sim, carrier, webhook):
    configure(carrier, webhook, status_callback=f"{webhook.url}/status")
    fields = {"StirVerstat": "TN-Validation-Passed-A"}
    call = sim.control(
        "POST", "/inbound-calls", {"from": CALLER, "to": NUMBER, "fields": fields}
    )
    assert call["disposition"]["kind"] == "connect_stream"
    form = webhook.wait("/voice", 1)[0]
    assert (form["Direction"], form["CallStatus"]) == ("inbound", "ringing")
    assert (form["From"], form["To"]) == (CALLER, NUMBER)
    assert form["StirVerstat"] == "TN-Validation-Passed-A"
    fetched = carrier.client().calls(call["sid"]).fetch()
    assert (fetched.direction, fetched.status) == ("inbound", "in-progress")
    sim.control("POST", f"/calls/{call['sid']}/hang-up")
    assert webhook.wait("/status", 1)[0]["CallStatus"] == "completed"


def test_the_route_decides_where_a_call_lands(sim, carrier, webhook):
    configure(carrier, webhook, "us1")
    carrier.client("ie1").routes.v2.phone_numbers(NUMBER).update(voice_region="ie1")
    inbound = {"from": CALLER, "to": NUMBER}
    call = sim.control("POST", "/inbound-calls", inbound)
    assert (call["region"], call["disposition"]["kind"]) == ("ie1", "unconfigured")
    assert webhook.requests == []
    configure(carrier, webhook, "ie1")
    call = sim.control("POST", "/inbound-calls", inbound)
    assert (call["region"], call["disposition"]["kind"]) == ("ie1", "connect_stream")
    sim.control("POST", "/settings", {"route_propagation_ms": 300_000})
    carrier.client("ie1").routes.v2.phone_numbers(NUMBER).update(voice_region="us1")
    assert {sim.control("POST", "/inbound-calls", inbound)["region"] for _ in range(2)} == {
        "us1",
        "ie1",
    }
    sim.control("POST", "/clock", {"advance_ms": 300_000})
    assert sim.control("POST", "/inbound-calls", inbound)["region"] == "us1"


def test_an_application_stands_before_the_url(sim, carrier, webhook):
    configure(carrier, webhook)
    owner = {"account_sid": carrier.sid, "region": "us1"}
    application = sim.control(
        "POST", "/applications", owner | {"voice_url": f"{webhook.url}/voice-application"}
    )
    trunk = sim.control("POST", "/trunks", owner)
    number = carrier.client().incoming_phone_numbers(carrier.number["sid"])
    number.update(voice_application_sid=application["sid"])
    inbound = {"from": CALLER, "to": NUMBER}
    sim.control("POST", "/inbound-calls", inbound)
    assert [path for path, _, _ in webhook.requests] == ["/voice-application"]
    assert number.update(trunk_sid=trunk["sid"]).voice_application_sid == ""
    call = sim.control("POST", "/inbound-calls", inbound)
    assert call["disposition"] == {"kind": "trunk", "trunk_sid": trunk["sid"]}
    assert len(webhook.requests) == 1


@pytest.mark.parametrize(
    "twiml, code",
    [
        ("<Response><Say>", 12100),
        (" <?xml version='1.0'?><Response/>", 12100),
        ("<Response><Frobnicate/></Response>", 12200),
        ("<Response><Connect><Stream url='ws://a.example/'/></Connect></Response>", 12200),
        ("<Response><Connect><Stream url='wss://a.example/?a=1'/></Connect></Response>", 12200),
        ("<Response><Stream url='wss://a.example/'/></Response>", 12200),
        ("<Response><Dial><Sip>nowhere</Sip></Dial></Response>", 13223),
        ("<Response>" + " " * 70_000 + "</Response>", 11750),
    ],
)
def test_bad_twiml_is_refused(sim, carrier, webhook, twiml, code):
    configure(carrier, webhook)
    webhook.twiml = twiml
    call = sim.control("POST", "/inbound-calls", {"from": CALLER, "to": NUMBER})
    assert call["disposition"] == {"kind": "application_error", "code": code}


def test_a_webhook_is_tried_again_and_then_its_fallback(sim, carrier, webhook):
    gone = f"http://127.0.0.1:{harness.free_port()}/gone"
    carrier.client().incoming_phone_numbers(carrier.number["sid"]).update(
        voice_url=gone + "#rc=2", voice_fallback_url=f"{webhook.url}/voice-fallback"
    )
    call = sim.control("POST", "/inbound-calls", {"from": CALLER, "to": NUMBER})
    assert call["webhooks"][0]["attempts"] == 3
    assert call["webhooks"][0]["error_code"] == 11205
    form = webhook.wait("/voice-fallback", 1)[0]
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11205", gone)
    assert call["disposition"]["kind"] == "connect_stream"


def test_a_repeated_webhook_carries_the_same_token(sim, carrier, webhook):
    configure(carrier, webhook)
    sim.control(
        "POST", "/inbound-calls", {"from": CALLER, "to": NUMBER, "repeat_webhook": 2}
    )
    webhook.wait("/voice", 3)
    tokens = {headers["I-Twilio-Idempotency-Token"] for _, _, headers in webhook.requests}
    assert len(tokens) == 1
    assert len({json.dumps(form) for _, form, _ in webhook.requests}) == 1


# Callbacks out of the ordinary


def test_a_callback_comes_before_the_posts_own_answer(sim, carrier, webhook):
    sim.control("POST", "/callbacks", {"before_answer": "answered"})
    call = carrier.dial(webhook)
    statuses = [form["CallStatus"] for path, form, _ in webhook.requests if "/status" in path]
    assert statuses[:3] == ["initiated", "ringing", "in-progress"]
    assert call.status == "queued"


def test_callbacks_repeated_reordered_held_and_released(sim, carrier, webhook):
    webhook.twiml = HANG_UP
    far_end = {"to": TO, "callbacks": {"order": "reverse", "repeat": 1}}
    sim.control("POST", "/far-ends", far_end)
    carrier.dial(webhook)
    forms = webhook.wait("/status", 8)
    assert [form["SequenceNumber"] for form in forms] == list("33221100")
    webhook.requests.clear()
    sim.control("DELETE", "/far-ends?to=" + urllib.parse.quote(TO))
    sim.control("POST", "/callbacks", {"hold": True})
    call = carrier.dial(webhook)
    harness.wait_until(
        lambda: sim.control("GET", f"/calls/{call.sid}")["status"] == "completed", "the end"
    )
    held = sim.control("GET", "/callbacks?state=held")["callbacks"]
    assert [entry["event"] for entry in held] == EVENTS
    assert not any("/status" in path for path, _, _ in webhook.requests)
    assert sim.control("POST", "/callbacks/release", {"order": "reverse"}) == {"released": 4}
    forms = webhook.wait("/status", 4)
    assert [form["SequenceNumber"] for form in forms] == list("3210")
    sim.control("POST", "/callbacks/repeat", {"call_sid": call.sid, "times": 2})
    assert len(webhook.wait("/status", 12)) == 12


# Faults


def test_statuses_in_place_of_an_answer(sim, carrier, webhook):
    for status, code in [(429, 20429), (500, 20500), (503, 20503)]:
        sim.control("POST", "/faults", {"kind": "status", "status": status, "retry_after": 7})
        assert error_of(lambda: carrier.dial(webhook)) == (status, code)
    assert sim.control("GET", "/audit")["calls_created"] == {}
    sim.control("POST", "/faults", {"kind": "status", "status": 429, "retry_after": 7})
    answer = requests.get(carrier.sim.url("us1") + "/api/2010-04-01/Accounts.json", timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    sim.control("POST", "/faults", {"kind": "status", "status": 500, "effect": True})
    assert error_of(lambda: carrier.dial(webhook)) == (500, 20500)
    assert sim.control("GET", "/audit")["calls_created"] == {TO: 1}


@pytest.mark.parametrize("kind, created", [("lost_before", {}), ("lost_after", {TO: 1})])
def test_a_lost_connection(sim, carrier, webhook, kind, created):
    sim.control("POST", "/faults", {"kind": kind, "method": "POST", "path": "*/Calls.json"})
    with pytest.raises(requests.exceptions.ConnectionError):
        carrier.dial(webhook)
    audit = sim.control("GET", "/audit")
    assert (audit["calls_created"], audit["posts_received"]) == (created, {TO: 1})


def test_a_late_answer(sim, carrier, webhook):
    sim.control("POST", "/faults", {"kind": "delay", "delay_ms": 60_000, "region": "us1"})
    client = carrier.client()
    client.http_client.timeout = 0.3
    create = client.calls.create
    with pytest.raises(requests.exceptions.ReadTimeout):
        create(to=TO, from_=NUMBER, url=f"{webhook.url}/voice")
    assert sim.control("GET", "/audit")["calls_created"] == {TO: 1}
    sim.control("POST", "/clock", {"advance_ms": 60_000})


def test_an_answer_that_is_cut(sim, carrier):
    sim.control("POST", "/faults", {"kind": "malformed", "path": "*IncomingPhoneNumbers*"})
    with pytest.raises(ValueError):
        carrier.client().incoming_phone_numbers(carrier.number["sid"]).fetch()
    assert carrier.client().incoming_phone_numbers(carrier.number["sid"]).fetch()


def test_the_nth_matching_request_is_hit(sim, carrier):
    fetch = carrier.client().incoming_phone_numbers(carrier.number["sid"]).fetch
    sim.control("POST", "/faults", {"kind": "status", "skip": 2, "count": 1})
    fetch()
    fetch()
    assert error_of(fetch) == (500, 20500)
    fetch()


# The control API


def test_mistakes_in_control_requests_show(sim):
    for path, body in [
        ("/faults", {"kind": "delay", "dealy_ms": 1}),
        ("/faults", {"kind": "none"}),
        ("/accounts", {"sid": "AC1"}),
        ("/keys", {"account_sid": "AC" + "0" * 32, "region": "us1"}),
        ("/numbers", []),
        ("/nothing", {}),
    ]:
        answer = requests.post(sim.url("control") + path, json=body, timeout=10)
        assert answer.status_code in (400, 404)
        assert answer.json()["error"]


def test_reset_forgets_everything(sim, carrier):
    sim.control("POST", "/reset")
    state = sim.control("GET", "/state")
    assert (state["accounts"], state["numbers"], state["calls"]) == ([], [], [])
    assert error_of(carrier.client().calls("CA" + "0" * 32).fetch) == (401, 20003)
