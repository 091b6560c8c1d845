"""A well-behaved grpcio client in a process of its own: python healthy.py ADDRESS

It calls Echo all the time. A line on its input ends a measurement: it prints the calls, the errors and
the latencies since the last one as JSON, and goes on.
"""

import json
import sys
import threading
import time

import grpc

METHOD = "/trunkline.testing.v1.EchoService/Echo"
# The text "healthy".
MESSAGE = bytes.fromhex("0a07") + b"healthy"


class Measurement:
    def __init__(self):
        self.lock = threading.Lock()
        self.take()

    def take(self):
        """What was measured since the last time."""
        with self.lock:
            before = getattr(self, "values", None), getattr(self, "errors", None)
            self.values, self.errors = [], []
        return before

    def add(self, seconds, error):
        with self.lock:
            (self.errors if error else self.values).append(error or seconds)


def call(address, measurement, pause):
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        echo = channel.unary_unary(METHOD)
        while True:
            begun = time.perf_counter()
            error = None
            try:
                answer = echo(MESSAGE, timeout=10)
                if answer != MESSAGE:
                    error = f"answer {answer!r}"
            except grpc.RpcError as caught:
                error = f"{caught.code().name}: {caught.details()}"
            measurement.add(time.perf_counter() - begun, error)
            time.sleep(pause)


def main():
    address = sys.argv[1]
    pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.002
    measurement = Measurement()
    threading.Thread(target=call, args=(address, measurement, pause), daemon=True).start()
    for _ in sys.stdin:
        values, errors = measurement.take()
        values.sort()
        at = lambda share: values[min(int(len(values) * share), len(values) - 1)] if values else None  # noqa: E731
        report = {
            "calls": len(values) + len(errors), "errors": errors[:20], "error_count": len(errors),
            "p50": at(0.5), "p99": at(0.99), "max": at(1),
        }  # fmt: skip
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
