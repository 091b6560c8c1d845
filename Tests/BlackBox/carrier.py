"""Twilio's own Python client at carrier-sim, unchanged but for the address it asks."""

import urllib.parse

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

import harness

REGIONS = harness.REGIONS
NUMBER = "+15005550006"
TO = "+15005550001"
EVENTS = ["initiated", "ringing", "answered", "completed"]


class Redirected(TwilioHttpClient):
    """The client's own transport; https://PRODUCT.twilio.com/… becomes ADDRESS/PRODUCT/…"""

    def __init__(self, address):
        super().__init__(timeout=20)
        self.address = address

    def request(self, method, url, *arguments, **options):
        parts = urllib.parse.urlsplit(url)
        product = parts.netloc.split(".")[0]
        tail = parts.path + ("?" + parts.query if parts.query else "")
        return super().request(
            method, f"{self.address}/{product}{tail}", *arguments, **options
        )


class Carrier:
    """An account at the simulator, with a key in each region and a number."""

    def __init__(self, sim):
        self.sim = sim
        sim.control("POST", "/settings", {"calls_per_second": 0})
        self.account = sim.control("POST", "/accounts", {})
        self.sid = self.account["sid"]
        self.keys = {
            region: sim.control("POST", "/keys", {"account_sid": self.sid, "region": region})
            for region in REGIONS
        }
        self.number = sim.control(
            "POST", "/numbers", {"account_sid": self.sid, "phone_number": NUMBER}
        )

    def client(self, region="us1", user=None, password=None):
        key = self.keys[region]
        return Client(
            user or key["sid"],
            password or key["secret"],
            self.sid,
            http_client=Redirected(self.sim.url(region)),
        )

    def token(self, region="us1"):
        return self.account["auth_tokens"][region]["primary"]

    def dial(self, webhook, region="us1", **options):
        return self.client(region).calls.create(
            to=options.pop("to", TO),
            from_=options.pop("from_", NUMBER),
            url=f"{webhook.url}/voice?x=1",
            status_callback=f"{webhook.url}/status",
            status_callback_event=EVENTS,
            **options,
        )


def error_of(action):
    """The carrier's error that `action` ends with, as (status, code)."""
    with pytest.raises(TwilioRestException) as caught:
        action()
    return caught.value.status, caught.value.code
