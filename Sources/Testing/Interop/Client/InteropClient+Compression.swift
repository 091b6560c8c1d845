internal import GRPC
internal import TestAPI

/// Which messages are compressed, one by one.
extension InteropClient {
  private func largeRequest(
    expectCompressed: Bool? = nil, responseCompressed: Bool? = nil
  ) -> Testing.SimpleRequest {
    Testing.SimpleRequest(
      responseSize: 314_159, payload: Self.zeros(271_828),
      responseCompressed: responseCompressed.map { Testing.BoolValue(value: $0) },
      expectCompressed: expectCompressed.map { Testing.BoolValue(value: $0) })
  }

  private var gzipOptions: CallOptions {
    var options = options()
    options.compression = .gzip
    return options
  }

  func clientCompressedUnary() async throws(RPCError) {
    await report.expectFailure("The probe", .invalidArgument) { () async throws(RPCError) in
      _ = try await service.unaryCall(
        largeRequest(expectCompressed: true), options: options())
    }
    let compressed = try await service.unaryCall(
      largeRequest(expectCompressed: true), options: gzipOptions)
    check(compressed.payload, size: 314_159)
    let plain = try await service.unaryCall(
      largeRequest(expectCompressed: false), options: options())
    check(plain.payload, size: 314_159)
  }

  func serverCompressedUnary() async throws(RPCError) {
    for isWanted in [true, false] {
      let answer: Response<Testing.SimpleResponse> = try await channel.unaryResponse(
        Testing.TestServiceMethods.unaryCall, largeRequest(responseCompressed: isWanted),
        options: options())
      report.expect("the response's compressed flag", answer.isCompressed, is: isWanted)
      check(answer.message.payload, size: 314_159)
    }
  }

  func clientCompressedStreaming() async throws(RPCError) {
    func request(_ size: Int, isCompressed: Bool) -> Testing.StreamingInputCallRequest {
      Testing.StreamingInputCallRequest(
        payload: Self.zeros(size), expectCompressed: Testing.BoolValue(value: isCompressed))
    }
    await report.expectFailure("The probe", .invalidArgument) { () async throws(RPCError) in
      _ = try await service.streamingInputCall(
        options: gzipOptions
      ) { (requests) async throws(RPCError) in
        try await requests.write(request(27_182, isCompressed: true), compress: false)
      }
    }
    let response = try await service.streamingInputCall(
      options: gzipOptions
    ) { (requests) async throws(RPCError) in
      try await requests.write(request(27_182, isCompressed: true), compress: true)
      try await requests.write(request(45_904, isCompressed: false), compress: false)
    }
    report.expect("aggregated_payload_size", response.aggregatedPayloadSize, is: 73_086)
  }

  func serverCompressedStreaming() async throws(RPCError) {
    let wanted = [(size: 31_415, isCompressed: true), (size: 92_653, isCompressed: false)]
    let request = Testing.StreamingOutputCallRequest(
      responseParameters: wanted.map {
        Testing.ResponseParameters(
          size: Int32($0.size), compressed: Testing.BoolValue(value: $0.isCompressed))
      })
    try await service.streamingOutputCall(
      request, options: options()
    ) { (responses) async throws(RPCError) in
      for (size, isCompressed) in wanted {
        check(try await responses.next()?.payload, size: size)
        report.expect(
          "the compressed flag of the response of \(size) bytes", responses.isLastCompressed,
          is: isCompressed)
      }
      if try await responses.next() != nil { report.fail("There is a third response.") }
    }
  }
}
