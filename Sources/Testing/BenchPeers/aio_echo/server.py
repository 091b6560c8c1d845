"""A gRPC echo server on grpcio's asyncio interface, for `make bench`.

    server.py 127.0.0.1:PORT STUBS [CERT KEY]

STUBS is the folder with the generated code of trunkline/testing/v1/echo.proto.
"""

import asyncio
import pathlib
import sys

import grpc

sys.path.insert(0, sys.argv[2])
from trunkline.testing.v1 import echo_pb2, echo_pb2_grpc  # noqa: E402


class EchoServer(echo_pb2_grpc.EchoServiceServicer):
    async def Echo(self, request, context):
        return echo_pb2.EchoResponse(text=request.text, payload=request.payload)

    async def Repeat(self, request, context):
        for index in range(request.count):
            yield echo_pb2.RepeatResponse(text=request.text, payload=request.payload, index=index)


async def main():
    server = grpc.aio.server()
    echo_pb2_grpc.add_EchoServiceServicer_to_server(EchoServer(), server)
    if len(sys.argv) > 3:
        cert, key = (pathlib.Path(path).read_bytes() for path in sys.argv[3:5])
        server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials([(key, cert)]))
    else:
        server.add_insecure_port(sys.argv[1])
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
