internal import GRPC
internal import TestAPI

/// The four kinds of call.
extension InteropClient {
  static let requestSizes = [27_182, 8, 1_828, 45_904]
  static let responseSizes = [31_415, 9, 2_653, 58_979]

  func emptyUnary() async throws(RPCError) {
    let response = try await service.emptyCall(Testing.Empty(), options: options())
    report.expect("the response", response, is: Testing.Empty())
  }

  func largeUnary() async throws(RPCError) {
    let request = Testing.SimpleRequest(
      responseSize: 314_159, payload: Self.zeros(271_828))
    let response = try await service.unaryCall(request, options: options())
    check(response.payload, size: 314_159)
  }

  func concurrentLargeUnary() async throws(RPCError) {
    let failures = await withTaskGroup(of: RPCError?.self) { group in
      for _ in 0..<concurrentCalls {
        group.addTask {
          do throws(RPCError) {
            try await largeUnary()
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(into: []) { failures, error in
        if let error { failures.append(error) }
      }
    }
    if let first = failures.first {
      report.fail("\(failures.count) of \(concurrentCalls) calls failed, the first with \(first).")
    }
  }

  func clientStreaming() async throws(RPCError) {
    let response = try await service.streamingInputCall(
      options: options()
    ) { (requests) async throws(RPCError) in
      for size in Self.requestSizes {
        try await requests.write(Testing.StreamingInputCallRequest(payload: Self.zeros(size)))
      }
    }
    report.expect("aggregated_payload_size", response.aggregatedPayloadSize, is: 74_922)
  }

  func serverStreaming() async throws(RPCError) {
    let request = Testing.StreamingOutputCallRequest(
      responseParameters: Self.responseSizes.map {
        Testing.ResponseParameters(size: Int32($0))
      })
    try await service.streamingOutputCall(
      request, options: options()
    ) { (responses) async throws(RPCError) in
      var sizes: [Int] = []
      for try await response in responses { sizes.append(response.payload?.body.count ?? 0) }
      report.expect("the sizes of the responses", sizes, is: Self.responseSizes)
    }
  }

  func pingPong() async throws(RPCError) {
    try await service.fullDuplexCall(
      options: options()
    ) { (requests, responses) async throws(RPCError) in
      for (requestSize, responseSize) in zip(Self.requestSizes, Self.responseSizes) {
        try await requests.write(Self.ping(requestSize, responseSize))
        check(try await responses.next()?.payload, size: responseSize)
      }
      try await requests.finish()
      if try await responses.next() != nil { report.fail("There are more than four responses.") }
    }
  }

  func emptyStream() async throws(RPCError) {
    try await service.fullDuplexCall(
      options: options()
    ) { (requests, responses) async throws(RPCError) in
      try await requests.finish()
      if try await responses.next() != nil {
        report.fail("There is a response; none is asked for.")
      }
    }
  }

  static func ping(_ requestSize: Int, _ responseSize: Int) -> Testing.StreamingOutputCallRequest {
    Testing.StreamingOutputCallRequest(
      responseParameters: [Testing.ResponseParameters(size: Int32(responseSize))],
      payload: zeros(requestSize))
  }

  func check(_ payload: Testing.Payload?, size: Int) {
    guard let payload else { return report.fail("A response has no payload.") }
    report.expect("the payload's type", payload.type, is: .compressable)
    report.expect("the payload's size", payload.body.count, is: size)
    if payload.body.contains(where: { $0 != 0 }) { report.fail("A payload is not all zeros.") }
  }
}
