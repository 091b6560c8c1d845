"""What goes wrong with numbers by trunk and with LiveKit servers: cases of test_doctor.py, by code.

Each takes a site of a Twilio account that is linked, with a gateway, makes its number by trunk and spoils
something behind the registry's back.
"""

import contextlib
import email.utils
import http.server
import threading
import time

import jwt
import requests

import harness
from world import ANSWER_MAX, request_id

CASES = {}


def case(function):
    CASES[function.__name__.upper()] = function
    return function


class Gateway:
    """A provider of type livekit: the simulator's server, or one at `url`."""

    def __init__(self, world, url=None):
        self.world, self.sim = world, world.sim
        made = self.sim.control("POST", "/livekit/keys", {})
        self.key, self.secret = made["key"], made["secret"]
        harness.secrets.add(self.secret)
        v1 = world.v1
        config = v1.Provider.LiveKit(
            url=url or self.sim.url("livekit"), api_key=self.key, api_secret=self.secret
        )
        provider = v1.Provider(region=v1.REGION_US1, display_name="gateway", livekit=config)
        request = v1.CreateProviderRequest(provider=provider, request_id=request_id())
        self.provider = world.providers.CreateProvider(request, timeout=ANSWER_MAX).provider

    def sip(self, method, **body):
        """Asks LiveKit's SIP service, as the server's owner does."""
        claims = {"iss": self.key, "exp": int(time.time()) + 60, "sip": {"admin": True}}
        token = jwt.encode(claims, self.secret, algorithm="HS256")
        answer = requests.post(
            f"{self.sim.url('livekit')}/twirp/livekit.SIP/{method}", json=body,
            headers={"Authorization": f"Bearer {token}"}, timeout=10,
        )
        assert answer.ok, answer.text
        return answer.json()

    def diagnose(self):
        request = self.world.v1.DiagnoseProviderRequest(provider_id=self.provider.id)
        return self.world.providers.DiagnoseProvider(request, timeout=ANSWER_MAX)


class TrunkSite:
    """A number by trunk, made whole, at `site`."""

    def __init__(self, site):
        self.site, self.gateway = site, Gateway(site.world)
        self.number = site.number(
            ingress="INGRESS_TRUNK", gateway_provider_id=self.gateway.provider.id
        )
        kinds = site.v1.PhoneNumber.Leftover.Type
        self.made = {
            kinds.Name(resource.type).removeprefix("TYPE_"): resource.external_id
            for resource in self.number.resources
        }
        # Nothing is wrong yet, on either side.
        for answer in (site.diagnose(), self.gateway.diagnose()):
            assert "NUMBERS_IN_ORDER" in [f.code for f in answer.findings], answer
            assert not [f for f in answer.findings if f.WhichOneof("subject") == "phone_number_id"]

    @property
    def trunk(self):
        return self.site.client.trunking.v1.trunks(self.made["TRUNK"])

    def take_off(self):
        assert self.trunk.phone_numbers(self.site.held["sid"]).delete()


# At the carrier


@case
def number_off_trunk(site):
    TrunkSite(site).take_off()
    return site.diagnose()


@case
def number_trunk_missing(site):
    made = TrunkSite(site)
    made.take_off()
    assert made.trunk.delete()
    answer = site.diagnose()
    # What hung on it is not told by itself.
    codes = {finding.code for finding in answer.findings}
    assert not codes & {"ORIGINATION_URL_MISSING", "TRUNK_CREDENTIALS_MISSING"}
    return answer


@case
def trunk_domain_changed(site):
    made = TrunkSite(site)
    made.trunk.update(domain_name=f"other-{made.made['TRUNK'][2:20].lower()}.pstn.twilio.com")
    return site.diagnose()


@case
def origination_url_missing(site):
    made = TrunkSite(site)
    assert made.trunk.origination_urls(made.made["ORIGINATION_URL"]).delete()
    return site.diagnose()


@case
def origination_url_changed(site):
    made = TrunkSite(site)
    made.trunk.origination_urls(made.made["ORIGINATION_URL"]).update(enabled=False)
    return site.diagnose()


@case
def trunk_credentials_missing(site):
    made = TrunkSite(site)
    assert made.trunk.credentials_lists(made.made["CREDENTIAL_LIST"]).delete()
    return site.diagnose()


# At LiveKit


@case
def gateway_trunk_missing(site):
    made = TrunkSite(site)
    made.gateway.sip("DeleteSIPTrunk", sip_trunk_id=made.made["GATEWAY_OUTBOUND_TRUNK"])
    return made.gateway.diagnose()


@case
def gateway_trunk_changed(site):
    made = TrunkSite(site)
    made.gateway.sip(
        "UpdateSIPInboundTrunk", sip_trunk_id=made.made["GATEWAY_INBOUND_TRUNK"],
        update={"numbers": {"set": [site.world.fresh_e164()]}},
    )
    return made.gateway.diagnose()


@case
def dispatch_rule_missing(site):
    made = TrunkSite(site)
    made.gateway.sip("DeleteSIPDispatchRule", sip_dispatch_rule_id=made.made["DISPATCH_RULE"])
    return made.gateway.diagnose()


@case
def dispatch_rule_changed(site):
    made = TrunkSite(site)
    rule = {"dispatch_rule_direct": {"room_name": "theirs"}}
    made.gateway.sip(
        "UpdateSIPDispatchRule", sip_dispatch_rule_id=made.made["DISPATCH_RULE"],
        update={"rule": rule},
    )
    return made.gateway.diagnose()


@case
def gateway_key_unknown(site):
    gateway = Gateway(site.world)
    site.sim.control("DELETE", f"/livekit/keys/{gateway.key}")
    return gateway.diagnose()


@contextlib.contextmanager
def refusing(site, status):
    """LiveKit answers with a status in place of its lists."""
    path = "*/livekit.SIP/ListSIPInboundTrunk"
    site.sim.control("POST", "/faults", {"kind": "status", "status": status, "count": 0, "path": path})
    try:
        yield
    finally:
        site.sim.control("DELETE", "/faults")


@case
def gateway_not_permitted(site):
    gateway = Gateway(site.world)
    with refusing(site, 403):
        return gateway.diagnose()


@case
def gateway_unreachable(site):
    gateway = Gateway(site.world)
    with refusing(site, 503):
        return gateway.diagnose()


class OddServer:
    """Takes a key like LiveKit while it is linked, and then answers what it is told to."""

    def __init__(self):
        self.answer = answer = {"status": 200, "body": b"", "type": "application/protobuf", "ahead": 0}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response_only(answer["status"])
                self.send_header("Date", email.utils.formatdate(time.time() + answer["ahead"], usegmt=True))
                self.send_header("Content-Type", answer["type"])
                self.send_header("Content-Length", str(len(answer["body"])))
                self.end_headers()
                self.wfile.write(answer["body"])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def odd(site, **answer):
    """A gateway whose server answers so once it is linked."""
    server = OddServer()
    try:
        gateway = Gateway(site.world, server.url)
        server.answer.update(answer)
        yield gateway
    finally:
        server.close()


@case
def gateway_not_livekit(site):
    with odd(site, status=404, body=b"<html>not here</html>", type="text/html") as gateway:
        return gateway.diagnose()


@case
def gateway_clock_differs(site):
    """The words are LiveKit's own, which quotes the token."""
    words = b"invalid token: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x, error: token is expired (exp)"
    with odd(site, status=401, body=words, type="text/plain", ahead=3600) as gateway:
        answer = gateway.diagnose()
    evidence = answer.findings[0].evidence
    assert "ahead of ours" in evidence and "expired" in evidence and "eyJ" not in evidence
    return answer
