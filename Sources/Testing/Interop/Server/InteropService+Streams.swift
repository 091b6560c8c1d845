internal import EventLoops
package import GRPC
package import TestAPI

extension InteropService {
  package func streamingInputCall(
    _ requests: RequestStream<Testing.StreamingInputCallRequest>, context: ServerContext
  ) async throws(RPCError) -> Testing.StreamingInputCallResponse {
    Self.echoMetadata(context)
    var size = 0
    while let request = try await requests.next() {
      try Self.checkCompression(context, request.expectCompressed)
      size += request.payload?.body.count ?? 0
    }
    return Testing.StreamingInputCallResponse(aggregatedPayloadSize: Int32(clamping: size))
  }

  package func streamingOutputCall(
    _ request: Testing.StreamingOutputCallRequest,
    responses: ResponseWriter<Testing.StreamingOutputCallResponse>, context: ServerContext
  ) async throws(RPCError) {
    Self.echoMetadata(context)
    try await answer(request, responses, context)
    try Self.answerStatus(request.responseStatus)
  }

  package func fullDuplexCall(
    _ requests: RequestStream<Testing.StreamingOutputCallRequest>,
    responses: ResponseWriter<Testing.StreamingOutputCallResponse>, context: ServerContext
  ) async throws(RPCError) {
    Self.echoMetadata(context)
    var isReporting = false
    // A call that sets the load report has it to itself until it ends.
    defer { if isReporting { reports.release() } }
    while let request = try await requests.next() {
      if let asked = request.orcaOobReport {
        if !isReporting { try await reports.hold() }
        isReporting = true
        reports.set(LoadReports.Report(asked))
      }
      try Self.answerStatus(request.responseStatus)
      try await answer(request, responses, context)
    }
  }

  package func halfDuplexCall(
    _ requests: RequestStream<Testing.StreamingOutputCallRequest>,
    responses: ResponseWriter<Testing.StreamingOutputCallResponse>, context: ServerContext
  ) async throws(RPCError) {
    Self.echoMetadata(context)
    var held: [Testing.StreamingOutputCallRequest] = []
    while let request = try await requests.next() {
      guard held.count < Self.heldRequestsMax else {
        throw RPCError(
          .resourceExhausted, "The call has more than \(Self.heldRequestsMax) requests.")
      }
      held.append(request)
    }
    for request in held {
      try Self.answerStatus(request.responseStatus)
      try await answer(request, responses, context)
    }
  }

  /// Writes every response that `request` asks for, each after its interval.
  private func answer(
    _ request: Testing.StreamingOutputCallRequest,
    _ responses: ResponseWriter<Testing.StreamingOutputCallResponse>, _ context: ServerContext
  ) async throws(RPCError) {
    for wanted in request.responseParameters {
      if wanted.intervalUs > 0 {
        do {
          try await loop.sleep(for: .microseconds(wanted.intervalUs))
        } catch {
          throw context.cancellationError
        }
      }
      var response = Testing.StreamingOutputCallResponse()
      response.payload = try Self.payload(request.responseType, wanted.size)
      if wanted.fillPeerSocketAddress?.value == true { response.peerSocketAddress = context.peer }
      try await responses.write(response, compress: wanted.compressed?.value)
    }
  }
}
