// A gRPC echo server on C++ gRPC's callback interface, as plain as its own examples: the yardstick of
// `make bench`. Called as `cpp-echo 127.0.0.1:PORT [CERT KEY]`; prints a line when it listens; ends on
// a signal.

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "trunkline/testing/v1/echo.grpc.pb.h"

using trunkline::testing::v1::EchoRequest;
using trunkline::testing::v1::EchoResponse;
using trunkline::testing::v1::EchoService;
using trunkline::testing::v1::RepeatRequest;
using trunkline::testing::v1::RepeatResponse;

namespace {

// One call of Repeat: a message is written when the one before it is on its way.
class Repeater final : public grpc::ServerWriteReactor<RepeatResponse> {
 public:
  explicit Repeater(const RepeatRequest& request) : count_(request.count()) {
    response_.set_text(request.text());
    response_.set_payload(request.payload());
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      Next();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (index_ == count_) {
      Finish(grpc::Status::OK);
      return;
    }
    response_.set_index(index_++);
    StartWrite(&response_);
  }

  RepeatResponse response_;
  uint32_t index_ = 0;
  const uint32_t count_;
};

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

  grpc::ServerWriteReactor<RepeatResponse>* Repeat(grpc::CallbackServerContext*,
                                                   const RepeatRequest* request) override {
    return new Repeater(*request);
  }
};

std::string Contents(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) {
    std::fprintf(stderr, "usage: cpp-echo 127.0.0.1:PORT [CERT KEY]\n");
    return 2;
  }
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (count == 4) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({Contents(arguments[3]), Contents(arguments[2])});
    credentials = grpc::SslServerCredentials(options);
  }
  EchoServer service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(arguments[1], credentials, &port);
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
