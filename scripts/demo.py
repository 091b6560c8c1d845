"""Plays the main job against the carrier simulator and prints it. Ends 0 when all of it held."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from stage import Stage, program, wait_until

NUMBER = "+14155550100"
CALLER = "+14155550199"
CALLED = "+14155550142"
FORMER_WEBHOOK = "https://former.example.com/voice"


class Demo:
    def __init__(self, stage):
        self.stage = stage
        self.steps = 0

    def say(self, text):
        self.steps += 1
        print(f"\n{self.steps}. {text}")

    def show(self, label, value):
        print(f"   {label}: {value}")

    def check(self, condition, text):
        if not condition:
            raise SystemExit(f"   NOT SO: {text}")
        print(f"   ok: {text}")

    def cli(self, *arguments, secrets=None, code=0):
        """Runs the CLI, prints the command, and gives back its JSON (or its error text)."""
        print("   $ trunkline", *arguments)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
        result = subprocess.run(
            [
                str(program("trunkline")), *arguments, "--output=json",
                f"--server=127.0.0.1:{self.stage.ports['grpc']}",
            ],
            capture_output=True, text=True, timeout=60, check=False,
            env=clean | {"TRUNKLINE_TOKEN_FILE": str(self.stage.token_file)} | (secrets or {}),
        )
        if result.returncode != code:
            raise SystemExit(f"   exit code {result.returncode}, not {code}:\n{result.stderr}")
        return json.loads(result.stdout) if code == 0 and result.stdout else result.stderr.strip()

    def account(self):
        """An account with an API key of two regions and a number, as a customer brings it."""
        sim = self.stage.sim
        account = sim("POST", "/accounts", {"friendly_name": "Example Inc."})
        keys = {
            region: sim("POST", "/keys", {"account_sid": account["sid"], "region": region})
            for region in ("us1", "ie1")
        }
        number = sim(
            "POST", "/numbers",
            {
                "account_sid": account["sid"], "phone_number": NUMBER,
                "configurations": {"ie1": {"voice_url": FORMER_WEBHOOK, "voice_method": "POST"}},
            },
        )
        return account, keys, number

    def voice_url(self, number, region):
        audit = self.stage.sim("GET", "/audit?prefix=http")
        for entry in audit["configurations"]:
            if (entry["sid"], entry["region"], entry["field"]) == (number, region, "voice_url"):
                return entry["value"]
        return ""

    def link(self, account, keys, region, code=0):
        token = account["auth_tokens"][region]["primary"]
        return self.cli(
            "providers", "create", "--region", region, "--account-sid", account["sid"],
            "--api-key-sid", keys[region]["sid"], code=code,
            secrets={
                "TRUNKLINE_API_KEY_SECRET": keys[region]["secret"],
                "TRUNKLINE_AUTH_TOKEN": token,
            },
        )

    def play(self):
        account, keys, number = self.account()
        print(f"At the carrier: account {account['sid']}, number {number['sid']} ({NUMBER}),")
        print(f"its webhook in ie1 is {FORMER_WEBHOOK}.")

        self.say("Link the account in us1 and in ie1: two providers of one Account SID.")
        us1 = self.link(account, keys, "us1")["provider"]
        ie1 = self.link(account, keys, "ie1")["provider"]
        self.show("us1", us1["id"])
        self.show("ie1", ie1["id"])

        self.say("Link it in ie1 again: refused, and the error names the provider to update.")
        error = self.link(account, keys, "ie1", code=5)
        print("   " + error.replace("\n", "\n   "))
        self.check(ie1["id"] in error, "the error names the provider")

        self.say("Register an agent, import the number into ie1, and assign it.")
        agent = self.cli(
            "agents", "create", "front-desk", "--media-stream", "wss://agents.example.com/desk"
        )["agent"]
        imported = self.cli(
            "phone-numbers", "import", NUMBER, "--provider-id", ie1["id"], "--label", "Reception"
        )["phoneNumber"]
        self.show("number", f"{imported['id']} {imported['state']}")
        self.check(self.stage.url("webhooks") in self.voice_url(number["sid"], "ie1"),
                   "the number's webhook in ie1 is ours")
        self.cli("phone-numbers", "assign", imported["id"], agent["id"])

        self.say("Somebody calls the number: the webhook answers with the agent's TwiML.")
        wait_until(lambda: self.inbound(agent), "the assignment has reached the dispatch")

        self.say("Call out: it rings, is answered and completes.")
        self.stage.sim("POST", "/far-ends", {"to": CALLED, "outcome": "answer",
                                             "hang_up_after_ms": 300})
        placed = self.cli("calls", "place", "--from", imported["id"], CALLED)
        call = placed["results"][0]["call"]
        self.show("placed", f"{call['id']} {call['state']}")
        last = self.follow(call["id"])
        self.check(last["state"] == "STATE_COMPLETED", "the call completed")
        self.check(all(last.get(key) for key in ("dialTime", "ringTime", "answerTime", "endTime")),
                   "it was dialled, rang, was answered and ended")
        posts = self.stage.sim("GET", "/audit?prefix=http")["posts_received"]
        self.check(posts == {CALLED: 1},
                   f"the carrier was asked for one call, once: {posts}")

        self.say("Unassign and delete the number: its former webhook is back at the carrier.")
        self.cli("phone-numbers", "unassign", imported["id"])
        self.cli("phone-numbers", "delete", imported["id"])
        url = self.voice_url(number["sid"], "ie1")
        self.show("webhook in ie1", url)
        self.check(url == FORMER_WEBHOOK, "it is what it was before the import")
        print("\nThe main job is done.")

    def inbound(self, agent):
        call = self.stage.sim("POST", "/inbound-calls", {"from": CALLER, "to": NUMBER})
        twiml = call["webhooks"][-1]["body"] if call["webhooks"] else ""
        if "wss://agents.example.com/desk" not in twiml:
            return False
        self.show("call", f"{call['sid']}, {call['disposition']['kind']}")
        print("   " + twiml.strip().replace("\n", "\n   "))
        self.check("<Connect><Stream" in twiml, f"it connects {agent['id']}")
        self.stage.sim("POST", f"/calls/{call['sid']}/hang-up")
        return True

    def follow(self, call_id):
        """Reads the call until it is over, and prints each new state."""
        seen = []

        def step():
            call = self.cli_quietly("calls", "get", call_id)["call"]
            if call["state"] not in seen:
                seen.append(call["state"])
                self.show("call", call["state"])
            return call if call["state"] in FINAL else None

        return wait_until(step, "the call ends")

    def cli_quietly(self, *arguments):
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            return self.cli(*arguments)


FINAL = {
    "STATE_COMPLETED", "STATE_BUSY", "STATE_NO_ANSWER", "STATE_FAILED", "STATE_CANCELED",
}


def main():
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as folder:
        with Stage(folder) as stage:
            Demo(stage).play()
    return 0


if __name__ == "__main__":
    sys.exit(main())
