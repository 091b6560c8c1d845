"""Starts carrier-sim and trunklined on their own ports and leaves them running for a person."""

import signal
import sys
import tempfile
import threading

from stage import Stage

PORTS = {
    "control": 8700, "us1": 8701, "ie1": 8702, "au1": 8703, "livekit": 8710,
    "grpc": 50051, "webhooks": 8080, "admin": 9090,
}

TEXT = """trunklined: gRPC on 127.0.0.1:50051, webhooks on 127.0.0.1:8080, admin on 127.0.0.1:9090
carrier-sim: us1 127.0.0.1:8701, ie1 127.0.0.1:8702, au1 127.0.0.1:8703, LiveKit 127.0.0.1:8710,
  control 127.0.0.1:8700

Callers show a token; the administrator's is in a file:

  export TRUNKLINE_TOKEN_FILE={token_file}

At the simulated carrier there is an account with a number. Link it:

  TRUNKLINE_AUTH_TOKEN={token} \\
    .build/debug/trunkline providers create --region us1 --account-sid {account}
  .build/debug/trunkline phone-numbers import {number} --provider-id prv_...

Ctrl-C ends both and forgets everything."""


def main():
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="trunkline-run-") as folder:
        with Stage(folder, PORTS) as stage:
            account = stage.sim("POST", "/accounts", {"friendly_name": "Example Inc."})
            number = "+14155550100"
            stage.sim("POST", "/numbers", {"account_sid": account["sid"], "phone_number": number})
            token = account["auth_tokens"]["us1"]["primary"]
            text = TEXT.format(
                token=token, account=account["sid"], number=number, token_file=stage.token_file
            )
            print(text, flush=True)
            stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
