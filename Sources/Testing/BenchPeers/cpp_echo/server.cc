// A gRPC echo server on C++ gRPC's callback interface, as plain as its own examples: the yardstick of
// `make bench`. Called as `cpp-echo 127.0.0.1:PORT`; prints a line when it listens; ends on a signal.

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <memory>

#include "trunkline/testing/v1/echo.grpc.pb.h"

using trunkline::testing::v1::EchoRequest;
using trunkline::testing::v1::EchoResponse;
using trunkline::testing::v1::EchoService;

namespace {

class EchoServer final : public EchoService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    response->set_text(request->text());
    response->set_payload(request->payload());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: cpp-echo 127.0.0.1:PORT\n");
    return 2;
  }
  EchoServer service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(arguments[1], grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "cpp-echo: cannot listen on %s\n", arguments[1]);
    return 1;
  }
  std::printf("listening on port %d\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}
