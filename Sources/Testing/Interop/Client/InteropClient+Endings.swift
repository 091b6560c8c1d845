internal import GRPC
internal import TestAPI

/// Metadata, statuses, cancellation and deadlines.
extension InteropClient {
  func customMetadata() async throws(RPCError) {
    let sent: Metadata = [
      InteropService.echoInitial: "test_initial_metadata_value",
      InteropService.echoTrailing: .binary([0xab, 0xab, 0xab]),
    ]
    let request = Testing.SimpleRequest(responseSize: 314_159, payload: Self.zeros(271_828))
    let answer: Response<Testing.SimpleResponse> = try await channel.unaryResponse(
      Testing.TestServiceMethods.unaryCall, request, options: options(sent))
    check(answer.message.payload, size: 314_159)
    checkEcho("UnaryCall", answer.initialMetadata, answer.trailingMetadata)

    try await service.fullDuplexCall(
      options: options(sent)
    ) { (requests, responses) async throws(RPCError) in
      try await requests.write(Self.ping(271_828, 314_159))
      try await requests.finish()
      let initial = try await responses.initialMetadata()
      check(try await responses.next()?.payload, size: 314_159)
      while try await responses.next() != nil { report.fail("There is a second response.") }
      checkEcho("FullDuplexCall", initial, responses.trailingMetadata)
    }
  }

  private func checkEcho(_ call: String, _ initial: Metadata, _ trailing: Metadata) {
    report.expect(
      "\(call)'s \(InteropService.echoInitial)", initial.texts(InteropService.echoInitial),
      is: ["test_initial_metadata_value"])
    report.expect(
      "\(call)'s \(InteropService.echoTrailing)", trailing.binaries(InteropService.echoTrailing),
      is: [[0xab, 0xab, 0xab]])
  }

  func statusCodeAndMessage() async {
    let status = Testing.EchoStatus(code: 2, message: "test status message")
    let unary = await report.expectFailure(
      "UnaryCall", .unknown
    ) { () async throws(RPCError) in
      _ = try await service.unaryCall(
        Testing.SimpleRequest(responseStatus: status), options: options())
    }
    report.expect("UnaryCall's message", unary?.message ?? "", is: status.message)
    let duplex = await report.expectFailure(
      "FullDuplexCall", .unknown
    ) { () async throws(RPCError) in
      try await service.fullDuplexCall(
        options: options()
      ) { (requests, responses) async throws(RPCError) in
        try await requests.write(Testing.StreamingOutputCallRequest(responseStatus: status))
        // The server may answer before the end of the requests.
        await ignoringEnd { () async throws(RPCError) in try await requests.finish() }
        while try await responses.next() != nil { report.fail("There is a response.") }
      }
    }
    report.expect("FullDuplexCall's message", duplex?.message ?? "", is: status.message)
  }

  func specialStatusMessage() async {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    let request = Testing.SimpleRequest(
      responseStatus: Testing.EchoStatus(code: 2, message: message))
    let error = await report.expectFailure(
      "UnaryCall", .unknown
    ) { () async throws(RPCError) in
      _ = try await service.unaryCall(request, options: options())
    }
    report.expect("the message", Array((error?.message ?? "").utf8), is: Array(message.utf8))
  }

  func unimplementedMethod() async {
    let method = MethodDescriptor(
      service: "grpc.testing.TestService", method: "UnimplementedCall", kind: .unary)
    await report.expectFailure("UnimplementedCall", .unimplemented) { () async throws(RPCError) in
      let _: Testing.Empty = try await channel.unary(method, Testing.Empty(), options: options())
    }
  }

  func unimplementedService() async {
    let client = Testing.UnimplementedServiceClient(channel: channel)
    await report.expectFailure("UnimplementedCall", .unimplemented) { () async throws(RPCError) in
      _ = try await client.unimplementedCall(Testing.Empty(), options: options())
    }
  }

  func cancelAfterBegin() async {
    await cancelled("StreamingInputCall") { (isReady) async throws(RPCError) in
      _ = try await service.streamingInputCall(
        options: options()
      ) { (_) async throws(RPCError) in
        // Nothing is written: the cancellation comes while the call waits for requests.
        await isReady()
      }
    }
  }

  func cancelAfterFirstResponse() async {
    await cancelled("FullDuplexCall") { (isReady) async throws(RPCError) in
      try await service.fullDuplexCall(
        options: options()
      ) { (requests, responses) async throws(RPCError) in
        try await requests.write(Self.ping(27_182, 31_415))
        check(try await responses.next()?.payload, size: 31_415)
        await isReady()
        _ = try await responses.next()
      }
    }
  }

  /// Makes a call, cancels its task when the call says that it is ready, and expects CANCELLED.
  private func cancelled(
    _ what: String,
    _ call: @escaping @Sendable (_ isReady: () async -> Void) async throws(RPCError) -> Void
  ) async {
    let ready = Pipe<Void>(costMax: 1)
    let never = Pipe<Void>(costMax: 1)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await report.expectFailure(what, .cancelled) { () async throws(RPCError) in
          try await call {
            ready.push((), cost: 1)
            // Ends with the cancellation.
            _ = await never.receive()
          }
        }
        ready.end()
      }
      _ = await ready.receive()
      group.cancelAll()
    }
  }

  func timeoutOnSleepingServer() async {
    await report.expectFailure("FullDuplexCall", .deadlineExceeded) { () async throws(RPCError) in
      try await service.fullDuplexCall(
        options: options(timeout: .milliseconds(1))
      ) { (requests, responses) async throws(RPCError) in
        let request = Testing.StreamingOutputCallRequest(payload: Self.zeros(27_182))
        await ignoringEnd { () async throws(RPCError) in try await requests.write(request) }
        _ = try await responses.next()
      }
    }
  }

  /// A call that is over throws from its writes, too; its responses say why.
  private func ignoringEnd(_ write: () async throws(RPCError) -> Void) async {
    do throws(RPCError) {
      try await write()
    } catch {
      if error != .callIsOver { report.fail("A write ended with \(error).") }
    }
  }
}
