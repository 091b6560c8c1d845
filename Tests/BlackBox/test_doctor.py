"""DiagnoseProvider and `trunkline doctor`: every code that the contract lists is found when it should be.

The codes come from Protos/trunkline/v1/diagnosis.proto; one without a case here fails.
"""

import contextlib
import http.server
import json
import pathlib
import re
import socket
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from twilio.rest import Client

import doctor_trunks
import harness
import world as worlds
from carrier import Redirected
from harness import wait_until
from world import ANSWER_MAX, request_id

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEX = "0123456789abcdef0123456789abcdef"


def codes_of_the_contract():
    """The codes that the comment of DiagnosisFinding.code lists."""
    text = (ROOT / "Protos/trunkline/v1/diagnosis.proto").read_text()
    listed = text[text.index("The codes are:") : text.index("A later version")]
    return re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", listed)


def documented():
    """By code: the severity and the remedy of docs/doctor.md."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (\w+) \| .+? \| (.*?) ?\|$", (ROOT / "docs/doctor.md").read_text(), re.M
    )
    return {code: (severity, remedy) for code, severity, remedy in rows}


CODES = codes_of_the_contract()
DOCUMENTED = documented()


class Site:
    """A provider of an account of its own at the carrier, made by `trunklined` at `world`."""

    def __init__(self, world, region="us1", key=None, token=False):
        self.world, self.sim, self.v1, self.region = world, world.sim, world.v1, region
        self.account = world.account()
        self.key = world.key(self.account, region, **(key or {}))
        text = self.account["auth_tokens"][region]["primary"] if token else None
        self.provider = world.provider(self.account, region, key=self.key, token=text)

    @property
    def client(self):
        """Twilio's own client, as the account's owner uses it."""
        token = self.account["auth_tokens"][self.region]["primary"]
        redirected = Redirected(self.sim.url(self.region))
        return Client(self.account["sid"], token, http_client=redirected)

    def number(self, **members):
        """A number of ours, set up at the carrier; its carrier's SID is in `held`."""
        self.held = self.world.carrier_number(self.account)
        made = self.world.import_number(self.provider, self.held["phone_number"], **members)
        active = self.v1.PhoneNumber.STATE_ACTIVE
        return wait_until(
            lambda: (found := self.world.number(made.id)).state == active and found,
            "an active number", ANSWER_MAX,
        )

    def change(self, **record):
        """Somebody changes the number's record at the carrier."""
        body = {"configurations": {self.region: record}}
        self.sim.control("POST", f"/numbers/{self.held['sid']}", body)

    def rekey(self, **members):
        """The key is now another one, under the same name and secret."""
        self.sim.control("DELETE", f"/keys/{self.key['sid']}")
        same = {name: self.key[name] for name in ("sid", "secret")}
        body = {"account_sid": self.account["sid"], "region": self.region, "kind": "main"}
        self.sim.control("POST", "/keys", {**body, **same, **members})

    def restrict(self, *permissions):
        self.rekey(kind="restricted", permissions=list(permissions))

    def diagnose(self, *countries, timeout=ANSWER_MAX, **members):
        """The answer, its texts looked through for what may stand in none."""
        request = self.v1.DiagnoseProviderRequest(
            provider_id=self.provider.id, countries=countries, **members
        )
        before = self.carriers_state()
        answer = self.world.providers.DiagnoseProvider(request, timeout=timeout)
        assert self.carriers_state() == before, "something was changed"
        severities = [finding.severity for finding in answer.findings]
        assert severities == sorted(severities, reverse=True), "not the worst first"
        for finding in answer.findings:
            check(finding, self.key["secret"], self.account["sid"])
        return answer

    def carriers_state(self):
        """Everything at the carrier but what passes by itself: its clock, faults and late answers."""
        state = self.sim.control("GET", "/state")
        passing = ("time", "faults", "events_waiting")
        return {name: value for name, value in state.items() if name not in passing}

    def codes(self, *countries, **members):
        return [finding.code for finding in self.diagnose(*countries, **members).findings]


def check(finding, *hidden):
    """A finding is as it is documented, and gives nothing away."""
    severity, remedy = DOCUMENTED[finding.code]
    assert finding.Severity.Name(finding.severity) == f"SEVERITY_{severity.upper()}", finding
    assert finding.remedy == remedy, finding
    assert finding.WhichOneof("subject") and finding.evidence, finding
    assert not re.search(r"\+\d{7,}|/v1/(numbers|calls)/", finding.evidence), finding
    assert not any(text in finding.evidence for text in hidden), finding


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    keyring = tmp_path_factory.mktemp("keyring") / "keyring"
    folder = tmp_path_factory.mktemp("doctor")
    with worlds.deployment(stubs, folder, keyring=keyring) as world:
        world.keyring = keyring
        yield world


@contextlib.contextmanager
def fault(world, **members):
    """Requests that match go wrong, all of them."""
    world.sim.control("POST", "/faults", {"kind": "status", "status": 500, "count": 0, **members})
    try:
        yield
    finally:
        world.sim.control("DELETE", "/faults")


# Public URLs with something else behind them


class OtherServer:
    """A web server of somebody else's: refuses everything, or sends on to `target`."""

    def __init__(self, target=None):
        self.paths = paths = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                paths.append(self.path)
                self.send_response(307 if target else 404)
                if target:
                    self.send_header("Location", target + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def urls(stubs, world, tmp_path_factory):
    """A world and a region for each thing that a public URL can lead to."""
    other = OtherServer()
    sending_on = OtherServer(f"http://{world.server.webhook_address}")
    silent = socket.create_server(("127.0.0.1", 0))
    silent_address = f"127.0.0.1:{silent.getsockname()[1]}"
    port = world.server.webhook_address.rsplit(":", 1)[1]
    started = {}

    def start(name, public, **options):
        folder = tmp_path_factory.mktemp(name)
        server = harness.Trunklined(folder, world.sim, roles="registry", **options)
        text = ",".join(f"{region}={url}" for region, url in public.items())
        server.arguments = [
            f"--public-url={text}" if argument.startswith("--public-url=") else argument
            for argument in server.arguments
        ]
        started[name] = worlds.World(stubs, world.sim, server.start())
        return started[name]

    nowhere = start("nowhere", {
        "us1": "http://trunkline.invalid",
        "ie1": f"http://127.0.0.1:{harness.free_port()}",
        "au1": f"http://{silent_address}",
    })
    # Another keyring than the main server's.
    strange = start("strange", {
        "us1": f"https://{other.address}",
        "ie1": f"http://{other.address}",
        "au1": f"http://{world.server.webhook_address}",
    })
    # Its keyring, but it names the dispatch otherwise.
    differing = start("differing", {
        "us1": f"http://localhost:{port}", "ie1": f"http://{sending_on.address}",
    }, keyring=world.keyring)
    yield {
        "PUBLIC_URL_UNRESOLVABLE": (nowhere, "us1"),
        "PUBLIC_URL_UNREACHABLE": (nowhere, "ie1"),
        "PUBLIC_URL_TIMED_OUT": (nowhere, "au1"),
        "PUBLIC_URL_TLS_FAILED": (strange, "us1"),
        "PUBLIC_URL_OF_OTHER_SERVER": (strange, "ie1"),
        "PUBLIC_URL_OF_OTHER_KEYRING": (strange, "au1"),
        "PUBLIC_URL_DIFFERS": (differing, "us1"),
        "PUBLIC_URL_MISSING": (differing, "au1"),
        "redirect": (differing, "ie1"),
    }
    for one in started.values():
        one.close()
        one.server.stop()
    for server in (other, sending_on):
        server.close()
    silent.close()


# A case for each code: makes it so, and gives what is found.

CASES = {}


def case(function):
    CASES[function.__name__.upper()] = function
    return function


@case
def credentials_accepted(world):
    return Site(world).diagnose()


@case
def credentials_refused(world):
    site = Site(world)
    site.sim.control("DELETE", f"/keys/{site.key['sid']}")
    return site.diagnose()


@case
def credentials_of_other_region(world):
    site = Site(world)
    site.rekey(region="au1")
    answer = site.diagnose()
    assert "us1" in answer.findings[0].evidence and "au1" in answer.findings[0].evidence
    return answer


@case
def credentials_of_other_account(world):
    site = Site(world)
    site.rekey(account_sid=world.account()["sid"])
    return site.diagnose()


@case
def credentials_for_tests(world):
    site = Site(world)
    site.rekey(kind="test")
    return site.diagnose()


@case
def account_inactive(world):
    site = Site(world)
    site.sim.control("POST", f"/accounts/{site.account['sid']}", {"status": "suspended"})
    return site.diagnose()


@case
def carrier_unavailable(world):
    site = Site(world)
    with fault(world, path=f"*/{site.account['sid']}/IncomingPhoneNumbers.json"):
        return site.diagnose()


@case
def carrier_not_examined(world):
    site = Site(world)
    site.number()
    site.sim.control("DELETE", f"/keys/{site.key['sid']}")
    answer = site.diagnose("US")
    assert not any(finding.code.startswith(("NUMBER", "COUNTRY")) for finding in answer.findings)
    assert (answer.examined_number_count, answer.left_out_number_count) == (0, 1)
    return answer


@case
def auth_token_missing(world):
    return Site(world).diagnose()


@case
def auth_token_refused(world):
    site = Site(world, token=True)
    assert "AUTH_TOKEN_MISSING" not in site.codes()
    site.sim.control("POST", "/tokens", {
        "account_sid": site.account["sid"], "region": "us1", "primary": "f" * 32,
    })
    return site.diagnose()


@case
def key_lacks_numbers(world):
    site = Site(world)
    site.number()
    site.restrict("calls", "routes")
    return site.diagnose()


@case
def key_lacks_calls(world):
    site = Site(world)
    site.restrict("numbers", "routes")
    return site.diagnose()


@case
def key_lacks_routes(world):
    site = Site(world)
    site.number()
    site.restrict("numbers", "calls")
    return site.diagnose()


@case
def key_lacks_dialing_permissions(world):
    site = Site(world)
    site.restrict("numbers", "calls")
    return site.diagnose("US")


@case
def key_lacks_trunks(world):
    site = Site(world)
    site.number()
    site.change(trunk_sid=site.client.trunking.v1.trunks.create().sid)
    site.restrict("numbers", "calls", "routes")
    return site.diagnose()


@case
def public_url_answers(world):
    return Site(world).diagnose()


@case
def public_url_not_https(world):
    return Site(world).diagnose()


@case
def public_url_not_public(world):
    return Site(world).diagnose()


@case
def numbers_in_order(world):
    site = Site(world)
    site.number()
    answer = site.diagnose()
    assert answer.examined_number_count == 1
    return answer


@case
def number_unsettled(world):
    site = Site(world)
    held = world.carrier_number(site.account)
    with fault(world, method="POST", path=f"*/IncomingPhoneNumbers/{held['sid']}.json"):
        request = world.v1.ImportPhoneNumberRequest(
            provider_id=site.provider.id, e164=held["phone_number"], request_id=request_id()
        )
        with pytest.raises(grpc.RpcError) as caught:
            world.numbers.ImportPhoneNumber(request, timeout=3)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        answer = site.diagnose()
    # The import goes on; it must not disturb the next case.
    number = next(f.phone_number_id for f in answer.findings if f.code == "NUMBER_UNSETTLED")
    active = world.v1.PhoneNumber.STATE_ACTIVE
    wait_until(lambda: world.number(number).state == active, "the import's end", 2 * ANSWER_MAX)
    return answer


@case
def number_corrupted(world):
    """The route can't be set, and then the webhook can't be taken off again."""
    site = Site(world, region="ie1")
    held = world.carrier_number(site.account)
    refused = {"kind": "status", "status": 403, "method": "POST", "count": 0}
    paths = {"*/v2/PhoneNumbers/*": 0, f"*/IncomingPhoneNumbers/{held['sid']}.json": 1}
    for path, skip in paths.items():
        world.sim.control("POST", "/faults", {**refused, "path": path, "skip": skip})
    try:
        with pytest.raises(grpc.RpcError):
            world.import_number(site.provider, held["phone_number"])
        return site.diagnose()
    finally:
        world.sim.control("DELETE", "/faults")


@case
def number_vanished(world):
    site = Site(world)
    site.number()
    site.sim.control("DELETE", f"/numbers/{site.held['sid']}")
    return site.diagnose()


@case
def number_without_voice(world):
    site = Site(world)
    site.number()
    site.sim.control("POST", f"/numbers/{site.held['sid']}", {"voice": False})
    return site.diagnose()


@case
def number_not_read(world):
    site = Site(world)
    site.number()
    with fault(world, path=f"*/IncomingPhoneNumbers/{site.held['sid']}.json"):
        return site.diagnose()


@case
def webhook_missing(world):
    site = Site(world)
    site.number()
    site.change(voice_url="")
    return site.diagnose()


@case
def webhook_taken_over(world):
    site = Site(world)
    number = site.number()
    # Who has it is named, and not asked.
    thief = OtherServer()
    try:
        site.change(voice_url=f"http://user:pa55@{thief.address}/take/secret?x=1")
        answer = site.diagnose()
        assert thief.paths == []
    finally:
        thief.close()
    found = next(f for f in answer.findings if f.code == "WEBHOOK_TAKEN_OVER")
    assert found.phone_number_id == number.id
    assert "127.0.0.1" in found.evidence and "pa55" not in found.evidence
    assert "take" not in found.evidence
    return answer


@case
def webhook_outdated(world):
    """The server is started anew with another public URL."""
    folder = world.server.folder.parent / "moved"
    server = harness.Trunklined(folder, world.sim)
    # A world has the stubs of the one before it.
    moved = worlds.World(world, world.sim, server.start())
    try:
        site = Site(moved)
        site.number()
        assert "NUMBERS_IN_ORDER" in site.codes()
        server.stop()
        server.arguments = [
            argument.replace("=http://127.0.0.1", "=http://localhost")
            if argument.startswith("--public-url=") else argument
            for argument in server.arguments
        ]
        server.start()
        moved.connect()
        return site.diagnose()
    finally:
        moved.close()
        server.stop()


@case
def webhook_method_changed(world):
    site = Site(world)
    site.number()
    site.change(voice_method="GET")
    return site.diagnose()


@case
def webhook_overridden_by_application(world):
    site = Site(world)
    site.number()
    owner = {"account_sid": site.account["sid"], "region": "us1"}
    application = site.sim.control("POST", "/applications", owner)
    site.change(voice_application_sid=application["sid"])
    return site.diagnose()


@case
def webhook_overridden_by_trunk(world):
    site = Site(world)
    site.number()
    site.change(trunk_sid="TK" + HEX)
    return site.diagnose()


@case
def number_off_trunk(world):
    site = Site(world)
    gateway = world.gateway()
    site.number(ingress=site.v1.PhoneNumber.INGRESS_TRUNK, gateway_provider_id=gateway.id)
    codes = site.codes()
    assert "NUMBERS_IN_ORDER" in codes and "WEBHOOK_OVERRIDDEN_BY_TRUNK" not in codes
    site.change(trunk_sid="")
    return site.diagnose()


@case
def fallback_replaced(world):
    site = Site(world)
    site.number()
    site.change(voice_fallback_url="https://elsewhere.example/f")
    return site.diagnose()


@case
def status_callback_replaced(world):
    site = Site(world)
    site.number()
    site.change(status_callback="https://elsewhere.example/s")
    return site.diagnose()


@case
def processing_region_moved(world):
    site = Site(world)
    site.number()
    site.sim.control("POST", f"/numbers/{site.held['sid']}", {"voice_region": "ie1"})
    return site.diagnose()


@case
def processing_region_not_read(world):
    site = Site(world)
    site.number()
    with fault(world, path="*/v2/PhoneNumbers/*"):
        return site.diagnose()


@case
def country_allowed(world):
    return Site(world).diagnose("US")


def permit(site, country, **flags):
    """The account's owner changes what may be dialled."""
    update = json.dumps([{"iso_code": country, **flags}])
    permissions = site.client.voice.v1.dialing_permissions
    permissions.bulk_country_updates.create(update_request=update)


@case
def country_blocked(world):
    site = Site(world)
    permit(site, "LV", low_risk_numbers_enabled=False)
    answer = site.diagnose("LV", "US")
    blocked = [f.country for f in answer.findings if f.code == "COUNTRY_BLOCKED"]
    assert blocked == ["LV"]
    return answer


@case
def country_high_risk_open(world):
    site = Site(world)
    permit(site, "LV", high_risk_tollfraud_numbers_enabled=True)
    return site.diagnose("LV")


@case
def country_unknown(world):
    return Site(world).diagnose("ZZ")


@case
def country_not_read(world):
    site = Site(world)
    with fault(world, path="/voice/*"):
        return site.diagnose("US")


def on_trunk(world, region="us1", origination=1, access=True, secure=True):
    """A site whose number somebody put on a trunk."""
    site = Site(world, region)
    site.number()
    trunk = site.client.trunking.v1.trunks.create(secure=secure)
    for index in range(origination):
        site.client.trunking.v1.trunks(trunk.sid).origination_urls.create(
            weight=1, priority=index, enabled=True, friendly_name="x",
            sip_url=f"sip:{index}.example.com",
        )
    if access:
        lists = site.client.api.v2010.account.sip.ip_access_control_lists
        made = lists.create(friendly_name="office")
        site.client.trunking.v1.trunks(trunk.sid).ip_access_control_lists.create(
            ip_access_control_list_sid=made.sid
        )
    site.change(trunk_sid=trunk.sid)
    site.trunk = trunk.sid
    return site


@case
def trunk_in_order(world):
    # As the region's own host says it.
    site = on_trunk(world, "ie1", origination=2)
    answer = site.diagnose()
    found = next(f for f in answer.findings if f.code == "TRUNK_IN_ORDER")
    assert found.trunk_sid == site.trunk
    return answer


@case
def trunk_missing(world):
    site = Site(world)
    site.number()
    site.change(trunk_sid="TK" + HEX)
    return site.diagnose()


@case
def trunk_without_origination(world):
    return on_trunk(world, origination=0).diagnose()


@case
def trunk_without_fallback(world):
    return on_trunk(world).diagnose()


@case
def trunk_without_access_list(world):
    return on_trunk(world, access=False).diagnose()


@case
def trunk_not_secure(world):
    return on_trunk(world, secure=False).diagnose()


@case
def trunk_not_read(world):
    site = on_trunk(world)
    with fault(world, path="/trunking/*"):
        return site.diagnose()


@case
def diagnosis_unfinished(world):
    site = Site(world)
    path = f"*/{site.account['sid']}/Calls.json"
    with fault(world, kind="delay", delay_ms=120_000, path=path):
        answer = site.diagnose(timeout=8)
    found = next(f for f in answer.findings if f.code == "DIAGNOSIS_UNFINISHED")
    assert "calls" in found.evidence
    assert "CREDENTIALS_ACCEPTED" in [f.code for f in answer.findings]
    return answer


PUBLIC_URL_CASES = (
    "PUBLIC_URL_MISSING", "PUBLIC_URL_UNRESOLVABLE", "PUBLIC_URL_UNREACHABLE", "PUBLIC_URL_TIMED_OUT",
    "PUBLIC_URL_TLS_FAILED", "PUBLIC_URL_OF_OTHER_SERVER", "PUBLIC_URL_OF_OTHER_KEYRING",
    "PUBLIC_URL_DIFFERS",
)


def test_every_code_has_a_case_and_a_row():
    assert len(CODES) > 50 and len(CODES) == len(set(CODES))
    assert set(CASES) | set(doctor_trunks.CASES) | set(PUBLIC_URL_CASES) == set(CODES)
    assert set(DOCUMENTED) == set(CODES)


@pytest.mark.parametrize("code", CASES)
def test_code(world, code):
    answer = CASES[code](world)
    assert code in [finding.code for finding in answer.findings], answer


@pytest.mark.parametrize("code", doctor_trunks.CASES)
def test_trunk_code(world, code):
    answer = doctor_trunks.CASES[code](Site(world))
    assert code in [finding.code for finding in answer.findings], answer
    for finding in answer.findings:
        check(finding)


@pytest.mark.parametrize("code", PUBLIC_URL_CASES)
def test_public_url(urls, code):
    behind, region = urls[code]
    found = [f.code for f in Site(behind, region).diagnose().findings]
    told = [c for c in found if c.startswith("PUBLIC_URL_")]
    assert set(told) - {"PUBLIC_URL_NOT_HTTPS", "PUBLIC_URL_NOT_PUBLIC"} == {code}


def test_a_redirect_is_not_followed(urls):
    behind, region = urls["redirect"]
    answer = Site(behind, region).diagnose()
    found = next(f for f in answer.findings if f.code == "PUBLIC_URL_OF_OTHER_SERVER")
    assert "307" in found.evidence


def test_a_good_provider_has_nothing_but_notes_on_its_url(world):
    site = Site(world, token=True)
    site.number()
    findings = site.diagnose().findings
    faults = {f.code for f in findings if f.severity != f.SEVERITY_INFO}
    assert faults == {"PUBLIC_URL_NOT_HTTPS", "PUBLIC_URL_NOT_PUBLIC"}
    assert {f.code for f in findings} - faults == {
        "CREDENTIALS_ACCEPTED", "PUBLIC_URL_ANSWERS", "NUMBERS_IN_ORDER", "COUNTRY_ALLOWED",
    }
    # By itself it asks for the country of its outbound number.
    assert [f.country for f in findings if f.code == "COUNTRY_ALLOWED"] == ["US"]


def test_numbers_beyond_the_limit_are_counted(world):
    site = Site(world)
    for _ in range(3):
        site.number()
    answer = site.diagnose(number_limit=2)
    assert (answer.examined_number_count, answer.left_out_number_count) == (2, 1)


def test_an_outbound_number_keeps_its_owners_webhook(world):
    site = Site(world)
    site.number(supports_inbound=False)
    site.change(voice_url="https://theirs.example/voice")
    assert not [code for code in site.codes() if code.startswith(("WEBHOOK", "NUMBER_"))]


# The listener's answer


def ask(world, path, method="GET"):
    """Status and body of one request to the webhook listener."""
    request = urllib.request.Request(f"http://{world.dispatch.webhook_address}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_MAX) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_listener_answers_a_challenge_and_no_more(world):
    status, body = ask(world, f"/v1/reachability/us1/{HEX}")
    assert status == 200
    word, keyring, url = body.split()
    assert word == "trunkline-reachability" and len(keyring) == len(url) == 64
    assert ask(world, f"/v1/reachability/us1/{HEX}")[1] == body
    assert ask(world, f"/v1/reachability/ie1/{HEX}")[1] != body
    assert ask(world, f"/v1/reachability/us1/{HEX}", "POST")[0] == 405
    for path in ("/v1/reachability", f"/v1/reachability/us2/{HEX}", "/v1/reachability/us1/x"):
        assert ask(world, path)[0] == 403


# The command


def test_the_command_ends_with_one_when_something_is_an_error(world):
    site = Site(world, token=True)
    site.number()
    address = world.server.address
    good = harness.run_cli("doctor", site.provider.id, "--country=us", address=address)
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("warning: PUBLIC_URL_NOT_"), good.stdout
    assert "CREDENTIALS_ACCEPTED" in good.stdout and "COUNTRY_ALLOWED US" in good.stdout

    site.change(voice_url="https://thief.example/x")
    bad = harness.run_cli("doctor", site.provider.id, address=address)
    assert bad.returncode == 1
    first, seen, remedy = bad.stdout.splitlines()[:3]
    assert re.fullmatch(r"error: +WEBHOOK_TAKEN_OVER pn_[0-9a-f]{32}", first)
    assert "thief.example" in seen and DOCUMENTED["WEBHOOK_TAKEN_OVER"][1] in remedy
    assert "One error was found." in bad.stderr

    shown = harness.run_cli(
        "doctor", site.provider.id, "--country", "US,ZZ", "-o", "json", address=address
    )
    assert shown.returncode == 1
    answer = json.loads(shown.stdout)
    assert [f["code"] for f in answer["findings"][:2]] == ["WEBHOOK_TAKEN_OVER", "COUNTRY_UNKNOWN"]
    assert json.loads(shown.stderr)["error"]["exitCode"] == 1


def test_the_command_and_one_that_is_not_there(world):
    missing = harness.run_cli("doctor", "prv_" + HEX, address=world.server.address)
    assert missing.returncode == 4
