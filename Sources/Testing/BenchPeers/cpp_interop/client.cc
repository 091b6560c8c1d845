// The client of gRPC's interop tests on C++ gRPC: a client that others wrote, for our interop-server.
// Called as `cpp-interop-client --port=PORT --case=NAME [--ca=FILE --name=HOST]`; ends with 0 when
// the case passed, and says what was wrong when it did not. It does not play orca_per_rpc: C++ gRPC
// hands the load report of a call to its load balancer only.

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"
#include "xds/service/orca/v3/orca.grpc.pb.h"

// Exported by libgrpc for gRPC's own interop client, but in no installed header.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace {

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;
using xds::data::orca::v3::OrcaLoadReport;

using Stub = TestService::Stub;
using Stream = grpc::ClientReaderWriter<StreamingOutputCallRequest, StreamingOutputCallResponse>;

const std::vector<int> kRequestSizes = {27182, 8, 1828, 45904};
const std::vector<int> kResponseSizes = {31415, 9, 2653, 58979};
// GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED, which no installed header has.
constexpr uint32_t kCompressed = 0x40000000u;

std::shared_ptr<grpc::Channel> channel;

void Check(bool passed, const std::string& what) {
  if (passed) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

void CheckStatus(const Status& status, StatusCode code, const std::string& what) {
  Check(status.error_code() == code, what + " ended with " + std::to_string(status.error_code()) +
                                         " " + status.error_message() + "; expected " +
                                         std::to_string(code));
}

void CheckOK(const Status& status, const std::string& what) {
  CheckStatus(status, StatusCode::OK, what);
}

void CheckPayload(const Payload& payload, int size) {
  Check(payload.body() == std::string(size, '\0'),
        "the payload is not " + std::to_string(size) + " zeros, it has " +
            std::to_string(payload.body().size()) + " bytes");
}

bool IsCompressed(ClientContext* context) {
  return (grpc_call_test_only_get_message_flags(context->c_call()) & kCompressed) != 0;
}

// A context with a deadline that no case reaches.
std::unique_ptr<ClientContext> Context(int seconds = 30) {
  auto context = std::make_unique<ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  return context;
}

SimpleRequest Large() {
  SimpleRequest request;
  request.set_response_size(314159);
  request.mutable_payload()->set_body(std::string(271828, '\0'));
  return request;
}

StreamingOutputCallRequest Ping(int request_size, int response_size) {
  StreamingOutputCallRequest request;
  request.add_response_parameters()->set_size(response_size);
  request.mutable_payload()->set_body(std::string(request_size, '\0'));
  return request;
}

void LargeUnary(Stub* stub) {
  auto context = Context();
  SimpleResponse response;
  CheckOK(stub->UnaryCall(context.get(), Large(), &response), "UnaryCall");
  CheckPayload(response.payload(), 314159);
}

void EmptyUnary(Stub* stub) {
  auto context = Context();
  Empty response;
  CheckOK(stub->EmptyCall(context.get(), Empty(), &response), "EmptyCall");
  Check(response.ByteSizeLong() == 0, "the response is not empty");
}

void ClientCompressedUnary(Stub* stub) {
  struct Step {
    bool is_expected, is_compressed;
    StatusCode code;
  };
  for (const Step& step : {Step{true, false, StatusCode::INVALID_ARGUMENT},
                           Step{true, true, StatusCode::OK}, Step{false, false, StatusCode::OK}}) {
    auto context = Context();
    context->set_compression_algorithm(step.is_compressed ? GRPC_COMPRESS_GZIP
                                                          : GRPC_COMPRESS_NONE);
    SimpleRequest request = Large();
    request.mutable_expect_compressed()->set_value(step.is_expected);
    SimpleResponse response;
    CheckStatus(stub->UnaryCall(context.get(), request, &response), step.code, "UnaryCall");
    if (step.code == StatusCode::OK) CheckPayload(response.payload(), 314159);
  }
}

void ServerCompressedUnary(Stub* stub) {
  for (bool is_compressed : {true, false}) {
    auto context = Context();
    SimpleRequest request = Large();
    request.mutable_response_compressed()->set_value(is_compressed);
    SimpleResponse response;
    CheckOK(stub->UnaryCall(context.get(), request, &response), "UnaryCall");
    Check(IsCompressed(context.get()) == is_compressed, "the compressed flag is not as asked");
    CheckPayload(response.payload(), 314159);
  }
}

void ClientCompressedStreaming(Stub* stub) {
  {
    auto context = Context();
    context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    StreamingInputCallRequest probe;
    probe.mutable_expect_compressed()->set_value(true);
    probe.mutable_payload()->set_body(std::string(27182, '\0'));
    StreamingInputCallResponse response;
    auto writer = stub->StreamingInputCall(context.get(), &response);
    writer->Write(probe, grpc::WriteOptions().set_no_compression());
    writer->WritesDone();
    CheckStatus(writer->Finish(), StatusCode::INVALID_ARGUMENT, "the probe");
  }
  auto context = Context();
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  StreamingInputCallResponse response;
  auto writer = stub->StreamingInputCall(context.get(), &response);
  for (bool is_compressed : {true, false}) {
    StreamingInputCallRequest request;
    request.mutable_expect_compressed()->set_value(is_compressed);
    request.mutable_payload()->set_body(std::string(is_compressed ? 27182 : 45904, '\0'));
    grpc::WriteOptions options;
    if (!is_compressed) options.set_no_compression();
    Check(writer->Write(request, options), "a request can't be written");
  }
  writer->WritesDone();
  CheckOK(writer->Finish(), "StreamingInputCall");
  Check(response.aggregated_payload_size() == 73086, "the sum is wrong");
}

void ServerCompressedStreaming(Stub* stub) {
  auto context = Context();
  StreamingOutputCallRequest request;
  const std::vector<int> sizes = {31415, 92653};
  for (size_t index = 0; index < sizes.size(); index++) {
    auto* wanted = request.add_response_parameters();
    wanted->set_size(sizes[index]);
    wanted->mutable_compressed()->set_value(index == 0);
  }
  auto reader = stub->StreamingOutputCall(context.get(), request);
  StreamingOutputCallResponse response;
  size_t count = 0;
  for (; reader->Read(&response); count++) {
    Check(count < sizes.size(), "there are too many responses");
    Check(IsCompressed(context.get()) == (count == 0), "the compressed flag is not as asked");
    CheckPayload(response.payload(), sizes[count]);
  }
  CheckOK(reader->Finish(), "StreamingOutputCall");
  Check(count == sizes.size(), "there are too few responses");
}

void ClientStreaming(Stub* stub) {
  auto context = Context();
  StreamingInputCallResponse response;
  auto writer = stub->StreamingInputCall(context.get(), &response);
  for (int size : kRequestSizes) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(std::string(size, '\0'));
    Check(writer->Write(request), "a request can't be written");
  }
  writer->WritesDone();
  CheckOK(writer->Finish(), "StreamingInputCall");
  Check(response.aggregated_payload_size() == 74922, "the sum is wrong");
}

void ServerStreaming(Stub* stub) {
  auto context = Context();
  StreamingOutputCallRequest request;
  for (int size : kResponseSizes) request.add_response_parameters()->set_size(size);
  auto reader = stub->StreamingOutputCall(context.get(), request);
  StreamingOutputCallResponse response;
  size_t count = 0;
  for (; reader->Read(&response); count++) {
    Check(count < kResponseSizes.size(), "there are too many responses");
    CheckPayload(response.payload(), kResponseSizes[count]);
  }
  CheckOK(reader->Finish(), "StreamingOutputCall");
  Check(count == kResponseSizes.size(), "there are too few responses");
}

// With half_duplex all requests go before the first response comes.
void Duplex(Stream* stream, bool is_half) {
  StreamingOutputCallResponse response;
  for (size_t index = 0; index < kRequestSizes.size(); index++) {
    Check(stream->Write(Ping(kRequestSizes[index], kResponseSizes[index])), "a write failed");
    if (is_half) continue;
    Check(stream->Read(&response), "a response is missing");
    CheckPayload(response.payload(), kResponseSizes[index]);
  }
  stream->WritesDone();
  for (size_t index = 0; is_half && index < kResponseSizes.size(); index++) {
    Check(stream->Read(&response), "a response is missing");
    CheckPayload(response.payload(), kResponseSizes[index]);
  }
  Check(!stream->Read(&response), "there is a fifth response");
  CheckOK(stream->Finish(), "the call");
}

void PingPong(Stub* stub) {
  auto context = Context();
  Duplex(stub->FullDuplexCall(context.get()).get(), false);
}

void HalfDuplex(Stub* stub) {
  auto context = Context();
  Duplex(stub->HalfDuplexCall(context.get()).get(), true);
}

void EmptyStream(Stub* stub) {
  auto context = Context();
  auto stream = stub->FullDuplexCall(context.get());
  stream->WritesDone();
  StreamingOutputCallResponse response;
  Check(!stream->Read(&response), "there is a response");
  CheckOK(stream->Finish(), "FullDuplexCall");
}

void CancelAfterBegin(Stub* stub) {
  auto context = Context();
  StreamingInputCallResponse response;
  auto writer = stub->StreamingInputCall(context.get(), &response);
  context->TryCancel();
  CheckStatus(writer->Finish(), StatusCode::CANCELLED, "StreamingInputCall");
}

void CancelAfterFirstResponse(Stub* stub) {
  auto context = Context();
  auto stream = stub->FullDuplexCall(context.get());
  StreamingOutputCallResponse response;
  Check(stream->Write(Ping(27182, 31415)), "a write failed");
  Check(stream->Read(&response), "a response is missing");
  CheckPayload(response.payload(), 31415);
  context->TryCancel();
  CheckStatus(stream->Finish(), StatusCode::CANCELLED, "FullDuplexCall");
}

void TimeoutOnSleepingServer(Stub* stub) {
  auto context = std::make_unique<ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  auto stream = stub->FullDuplexCall(context.get());
  StreamingOutputCallRequest request;
  request.mutable_payload()->set_body(std::string(27182, '\0'));
  stream->Write(request);
  StreamingOutputCallResponse response;
  Check(!stream->Read(&response), "there is a response");
  CheckStatus(stream->Finish(), StatusCode::DEADLINE_EXCEEDED, "FullDuplexCall");
}

void CheckEcho(ClientContext* context, const std::string& what) {
  const auto& initial = context->GetServerInitialMetadata();
  auto text = initial.find("x-grpc-test-echo-initial");
  Check(text != initial.end() && text->second == "test_initial_metadata_value",
        what + " has no initial metadata");
  const auto& trailing = context->GetServerTrailingMetadata();
  auto bytes = trailing.find("x-grpc-test-echo-trailing-bin");
  Check(bytes != trailing.end() && bytes->second == "\xab\xab\xab",
        what + " has no trailing metadata");
}

void CustomMetadata(Stub* stub) {
  auto unary = Context();
  auto duplex = Context();
  for (auto* context : {unary.get(), duplex.get()}) {
    context->AddMetadata("x-grpc-test-echo-initial", "test_initial_metadata_value");
    context->AddMetadata("x-grpc-test-echo-trailing-bin", "\xab\xab\xab");
  }
  SimpleResponse answer;
  CheckOK(stub->UnaryCall(unary.get(), Large(), &answer), "UnaryCall");
  CheckEcho(unary.get(), "UnaryCall");
  auto stream = stub->FullDuplexCall(duplex.get());
  Check(stream->Write(Ping(271828, 314159)), "a write failed");
  stream->WritesDone();
  StreamingOutputCallResponse response;
  Check(stream->Read(&response), "a response is missing");
  CheckPayload(response.payload(), 314159);
  Check(!stream->Read(&response), "there is a second response");
  CheckOK(stream->Finish(), "FullDuplexCall");
  CheckEcho(duplex.get(), "FullDuplexCall");
}

void StatusCodeAndMessage(Stub* stub) {
  auto unary = Context();
  SimpleRequest request;
  request.mutable_response_status()->set_code(2);
  request.mutable_response_status()->set_message("test status message");
  SimpleResponse answer;
  Status status = stub->UnaryCall(unary.get(), request, &answer);
  CheckStatus(status, StatusCode::UNKNOWN, "UnaryCall");
  Check(status.error_message() == "test status message", "UnaryCall's message is wrong");
  auto duplex = Context();
  auto stream = stub->FullDuplexCall(duplex.get());
  StreamingOutputCallRequest ping;
  *ping.mutable_response_status() = request.response_status();
  stream->Write(ping);
  stream->WritesDone();
  StreamingOutputCallResponse response;
  Check(!stream->Read(&response), "there is a response");
  status = stream->Finish();
  CheckStatus(status, StatusCode::UNKNOWN, "FullDuplexCall");
  Check(status.error_message() == "test status message", "FullDuplexCall's message is wrong");
}

void SpecialStatusMessage(Stub* stub) {
  const std::string message =
      "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n";
  auto context = Context();
  SimpleRequest request;
  request.mutable_response_status()->set_code(2);
  request.mutable_response_status()->set_message(message);
  SimpleResponse response;
  Status status = stub->UnaryCall(context.get(), request, &response);
  CheckStatus(status, StatusCode::UNKNOWN, "UnaryCall");
  Check(status.error_message() == message, "the message is wrong: " + status.error_message());
}

void UnimplementedMethod(Stub*) {
  // The contract leaves the method out: it is called by its path.
  auto context = Context();
  grpc::internal::RpcMethod method("/grpc.testing.TestService/UnimplementedCall",
                                   grpc::internal::RpcMethod::NORMAL_RPC);
  Empty response;
  grpc::internal::BlockingUnaryCallImpl<Empty, Empty> call(channel.get(), method, context.get(),
                                                           Empty(), &response);
  CheckStatus(call.status(), StatusCode::UNIMPLEMENTED, "UnimplementedCall");
}

void UnimplementedServiceCase(Stub*) {
  auto context = Context();
  Empty response;
  CheckStatus(
      UnimplementedService::NewStub(channel)->UnimplementedCall(context.get(), Empty(), &response),
      StatusCode::UNIMPLEMENTED, "UnimplementedCall");
}

void PickFirstUnary(Stub* stub) {
  std::string id;
  for (int count = 0; count < 100; count++) {
    auto context = Context();
    SimpleRequest request;
    request.set_fill_server_id(true);
    SimpleResponse response;
    CheckOK(stub->UnaryCall(context.get(), request, &response), "UnaryCall");
    Check(!response.server_id().empty(), "there is no server_id");
    if (count > 0) Check(response.server_id() == id, "another server answered");
    id = response.server_id();
  }
}

TestOrcaReport Report(double cpu, double memory, double util) {
  TestOrcaReport report;
  report.set_cpu_utilization(cpu);
  report.set_memory_utilization(memory);
  (*report.mutable_utilization())["util"] = util;
  return report;
}

bool IsSame(const OrcaLoadReport& report, const TestOrcaReport& asked) {
  auto of = [](const google::protobuf::Map<std::string, double>& map, const char* name) {
    auto found = map.find(name);
    return found == map.end() ? -1 : found->second;
  };
  return report.cpu_utilization() == asked.cpu_utilization() &&
         report.mem_utilization() == asked.memory_utilization() &&
         of(report.utilization(), "util") == of(asked.utilization(), "util");
}

void OrcaOutOfBand(Stub* stub) {
  auto load = xds::service::orca::v3::OpenRcaService::NewStub(channel);
  auto context = Context();
  xds::service::orca::v3::OrcaLoadReportRequest ask;
  ask.mutable_report_interval()->set_nanos(100000000);
  auto reports = load->StreamCoreMetrics(context.get(), ask);
  auto duplex = Context();
  auto stream = stub->FullDuplexCall(duplex.get());
  for (const auto& asked : {Report(0.8210, 0.5847, 0.30499), Report(0.29309, 0.2, 0.2039)}) {
    StreamingOutputCallRequest request;
    request.add_response_parameters()->set_size(1);
    *request.mutable_orca_oob_report() = asked;
    Check(stream->Write(request), "a write failed");
    StreamingOutputCallResponse response;
    Check(stream->Read(&response), "a response is missing");
    OrcaLoadReport report;
    do {
      Check(reports->Read(&report), "the reports ended");
    } while (!IsSame(report, asked));
  }
  stream->WritesDone();
  CheckOK(stream->Finish(), "FullDuplexCall");
  context->TryCancel();
}

void ConcurrentLargeUnary(Stub* stub) {
  std::vector<std::thread> threads;
  for (int count = 0; count < 50; count++) threads.emplace_back(LargeUnary, stub);
  for (auto& thread : threads) thread.join();
}

const std::map<std::string, std::function<void(Stub*)>> kCases = {
    {"empty_unary", EmptyUnary},
    {"large_unary", LargeUnary},
    {"client_compressed_unary", ClientCompressedUnary},
    {"server_compressed_unary", ServerCompressedUnary},
    {"client_streaming", ClientStreaming},
    {"client_compressed_streaming", ClientCompressedStreaming},
    {"server_streaming", ServerStreaming},
    {"server_compressed_streaming", ServerCompressedStreaming},
    {"ping_pong", PingPong},
    {"half_duplex", HalfDuplex},
    {"empty_stream", EmptyStream},
    {"cancel_after_begin", CancelAfterBegin},
    {"cancel_after_first_response", CancelAfterFirstResponse},
    {"timeout_on_sleeping_server", TimeoutOnSleepingServer},
    {"custom_metadata", CustomMetadata},
    {"status_code_and_message", StatusCodeAndMessage},
    {"special_status_message", SpecialStatusMessage},
    {"unimplemented_method", UnimplementedMethod},
    {"unimplemented_service", UnimplementedServiceCase},
    {"pick_first_unary", PickFirstUnary},
    {"orca_oob", OrcaOutOfBand},
    {"concurrent_large_unary", ConcurrentLargeUnary},
};

// The value of `--name=value`.
std::string Flag(const std::vector<std::string>& arguments, const std::string& name) {
  const std::string prefix = "--" + name + "=";
  for (const auto& argument : arguments) {
    if (argument.compare(0, prefix.size(), prefix) == 0) return argument.substr(prefix.size());
  }
  return "";
}

}  // namespace

int main(int count, char** values) {
  std::vector<std::string> arguments(values + 1, values + count);
  auto found = kCases.find(Flag(arguments, "case"));
  const std::string port = Flag(arguments, "port");
  if (found == kCases.end() || port.empty()) {
    std::fprintf(stderr, "usage: cpp-interop-client --port=PORT --case=NAME [--ca=F --name=H]\n");
    return 2;
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  grpc::ChannelArguments options;
  const std::string ca = Flag(arguments, "ca");
  if (!ca.empty()) {
    std::ifstream file(ca);
    std::stringstream text;
    text << file.rdbuf();
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = text.str();
    credentials = grpc::SslCredentials(ssl);
    options.SetSslTargetNameOverride(Flag(arguments, "name"));
  }
  channel = grpc::CreateCustomChannel("127.0.0.1:" + port, credentials, options);
  auto stub = TestService::NewStub(channel);
  found->second(stub.get());
  return 0;
}
