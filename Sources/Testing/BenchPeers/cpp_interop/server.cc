// The server of gRPC's interop tests on C++ gRPC: a peer that others wrote for our interop-client.
// Called as `cpp-interop-server --port=PORT [--cert=FILE --key=FILE]`; prints a line when it listens;
// ends on a signal.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"
#include "xds/service/orca/v3/orca.grpc.pb.h"

// Exported by libgrpc for gRPC's own interop server, but in no installed header.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace {

using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;
using xds::data::orca::v3::OrcaLoadReport;

constexpr char kEchoInitial[] = "x-grpc-test-echo-initial";
constexpr char kEchoTrailing[] = "x-grpc-test-echo-trailing-bin";
constexpr char kLoadReport[] = "endpoint-load-metrics-bin";
// GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED, which no installed header has.
constexpr uint32_t kCompressed = 0x40000000u;
constexpr std::chrono::milliseconds kReportIntervalMin(100);

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

OrcaLoadReport ReportOf(const TestOrcaReport& asked) {
  OrcaLoadReport report;
  report.set_cpu_utilization(asked.cpu_utilization());
  report.set_mem_utilization(asked.memory_utilization());
  for (const auto& pair : asked.request_cost()) {
    (*report.mutable_request_cost())[pair.first] = pair.second;
  }
  for (const auto& pair : asked.utilization()) {
    (*report.mutable_utilization())[pair.first] = pair.second;
  }
  return report;
}

// What the server tells out of band.
struct LoadReports {
  std::mutex mutex;
  OrcaLoadReport report;
};

class LoadService final : public xds::service::orca::v3::OpenRcaService::Service {
 public:
  explicit LoadService(LoadReports* reports) : reports_(reports) {}

  Status StreamCoreMetrics(ServerContext* context,
                           const xds::service::orca::v3::OrcaLoadReportRequest* request,
                           grpc::ServerWriter<OrcaLoadReport>* writer) override {
    auto interval = std::chrono::seconds(request->report_interval().seconds()) +
                    std::chrono::nanoseconds(request->report_interval().nanos());
    while (!context->IsCancelled()) {
      OrcaLoadReport report;
      {
        std::lock_guard<std::mutex> lock(reports_->mutex);
        report = reports_->report;
      }
      if (!writer->Write(report)) break;
      std::this_thread::sleep_for(
          std::max<std::chrono::nanoseconds>(interval, kReportIntervalMin));
    }
    return Status::OK;
  }

 private:
  LoadReports* reports_;
};

class InteropService final : public TestService::Service {
 public:
  InteropService(std::string id, LoadReports* reports) : id_(std::move(id)), reports_(reports) {}

  Status EmptyCall(ServerContext* context, const Empty*, Empty*) override {
    EchoMetadata(context);
    return Status::OK;
  }

  Status UnaryCall(ServerContext* context, const SimpleRequest* request,
                   SimpleResponse* response) override {
    EchoMetadata(context);
    if (request->has_response_status() && request->response_status().code() != 0) {
      return StatusOf(request->response_status());
    }
    if (!IsCompressedAs(context, *request)) return WronglyCompressed();
    if (request->has_response_compressed()) {
      context->set_compression_level(request->response_compressed().value()
                                         ? GRPC_COMPRESS_LEVEL_HIGH
                                         : GRPC_COMPRESS_LEVEL_NONE);
    }
    Status filled = Fill(request->response_type(), request->response_size(),
                         response->mutable_payload());
    if (!filled.ok()) return filled;
    if (request->fill_server_id()) response->set_server_id(id_);
    if (request->has_orca_per_query_report()) {
      context->AddTrailingMetadata(
          kLoadReport, ReportOf(request->orca_per_query_report()).SerializeAsString());
    }
    return Status::OK;
  }

  Status StreamingOutputCall(ServerContext* context, const StreamingOutputCallRequest* request,
                             grpc::ServerWriter<StreamingOutputCallResponse>* writer) override {
    EchoMetadata(context);
    for (const auto& wanted : request->response_parameters()) {
      if (wanted.has_compressed() && wanted.compressed().value()) {
        context->set_compression_level(GRPC_COMPRESS_LEVEL_HIGH);
      }
    }
    return Answer(context, *request, writer);
  }

  Status StreamingInputCall(ServerContext* context,
                            grpc::ServerReader<StreamingInputCallRequest>* reader,
                            StreamingInputCallResponse* response) override {
    EchoMetadata(context);
    StreamingInputCallRequest request;
    int size = 0;
    while (reader->Read(&request)) {
      if (!IsCompressedAs(context, request)) return WronglyCompressed();
      size += request.payload().body().size();
    }
    response->set_aggregated_payload_size(size);
    return Status::OK;
  }

  Status FullDuplexCall(
      ServerContext* context,
      grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest>* stream)
      override {
    EchoMetadata(context);
    StreamingOutputCallRequest request;
    while (stream->Read(&request)) {
      if (request.has_orca_oob_report()) {
        std::lock_guard<std::mutex> lock(reports_->mutex);
        reports_->report = ReportOf(request.orca_oob_report());
      }
      if (request.has_response_status() && request.response_status().code() != 0) {
        return StatusOf(request.response_status());
      }
      Status answered = Answer(context, request, stream);
      if (!answered.ok()) return answered;
    }
    return Status::OK;
  }

 private:
  static void EchoMetadata(ServerContext* context) {
    const auto& metadata = context->client_metadata();
    auto initial = metadata.find(kEchoInitial);
    if (initial != metadata.end()) {
      context->AddInitialMetadata(kEchoInitial,
                                  std::string(initial->second.data(), initial->second.size()));
    }
    auto trailing = metadata.find(kEchoTrailing);
    if (trailing != metadata.end()) {
      context->AddTrailingMetadata(kEchoTrailing,
                                   std::string(trailing->second.data(), trailing->second.size()));
    }
  }

  static Status StatusOf(const EchoStatus& status) {
    return Status(static_cast<StatusCode>(status.code()), status.message());
  }

  template <typename Request>
  static bool IsCompressedAs(ServerContext* context, const Request& request) {
    if (!request.has_expect_compressed()) return true;
    bool is_compressed =
        (grpc_call_test_only_get_message_flags(context->c_call()) & kCompressed) != 0;
    return is_compressed == request.expect_compressed().value();
  }

  static Status WronglyCompressed() {
    return Status(StatusCode::INVALID_ARGUMENT, "The message is not compressed as it says.");
  }

  static Status Fill(PayloadType type, int size, Payload* payload) {
    if (type != COMPRESSABLE || size < 0) {
      return Status(StatusCode::INVALID_ARGUMENT, "There is no such payload.");
    }
    payload->set_type(type);
    payload->set_body(std::string(size, '\0'));
    return Status::OK;
  }

  template <typename Writer>
  Status Answer(ServerContext* context, const StreamingOutputCallRequest& request,
                Writer* writer) {
    for (const auto& wanted : request.response_parameters()) {
      if (wanted.interval_us() > 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(wanted.interval_us()));
      }
      StreamingOutputCallResponse response;
      Status filled = Fill(request.response_type(), wanted.size(), response.mutable_payload());
      if (!filled.ok()) return filled;
      if (wanted.fill_peer_socket_address().value()) {
        response.set_peer_socket_address(context->peer());
      }
      grpc::WriteOptions options;
      if (!wanted.compressed().value()) options.set_no_compression();
      if (!writer->Write(response, options)) {
        return Status(StatusCode::CANCELLED, "The client is gone.");
      }
    }
    return Status::OK;
  }

  const std::string id_;
  LoadReports* reports_;
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
  const std::string port = Flag(arguments, "port");
  if (port.empty()) {
    std::fprintf(stderr, "usage: cpp-interop-server --port=PORT [--cert=FILE --key=FILE]\n");
    return 2;
  }
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  const std::string cert = Flag(arguments, "cert");
  if (!cert.empty()) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({ReadFile(Flag(arguments, "key")), ReadFile(cert)});
    credentials = grpc::SslServerCredentials(options);
  }
  LoadReports reports;
  InteropService service("cpp-" + port, &reports);
  LoadService load(&reports);
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort("127.0.0.1:" + port, credentials, &bound);
  builder.RegisterService(&service);
  builder.RegisterService(&load);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || bound == 0) {
    std::fprintf(stderr, "cpp-interop-server: cannot listen on port %s\n", port.c_str());
    return 1;
  }
  std::printf("listening on port %d\n", bound);
  std::fflush(stdout);
  server->Wait();
  return 0;
}
