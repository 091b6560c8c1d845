internal import GRPC

extension ServerCall {
  /// The call has its status: what was measured of it is told.
  func noteAnswer(_ code: StatusCode, _ error: RPCError? = nil) {
    guard let record else { return }
    self.record = nil
    connection.callEnded(record, code, error, context)
  }

  /// The request was none of gRPC's and got an HTTP answer. Below 400, as for a browser's preflight
  /// request, all is well; above it is the client's mistake, never a fault of the server.
  func noteHTTPAnswer(status: String) {
    if let number = Int(status), number < 400 { return noteAnswer(.ok) }
    noteAnswer(
      .invalidArgument, RPCError(.invalidArgument, "The request is not gRPC's: HTTP \(status)."))
  }
}
