package import GRPC

/// What every transport keeps, whatever carries the calls. Each check throws what it found.
///
/// The channel must reach a server whose router has the `service`.
package struct CallConformance: Sendable {
  /// A check did not find what it expected.
  package struct Mismatch: Error, CustomStringConvertible {
    package let description: String
  }

  private let channel: any Channel
  private let service: CallTestService

  package init(_ channel: any Channel, _ service: CallTestService) {
    self.channel = channel
    self.service = service
  }

  /// Runs every check in turn.
  package func runAll() async throws {
    try await unaryCarriesMessageAndMetadata()
    try await errorCarriesMessageAndMetadata()
    try await unknownMethodIsUnimplemented()
    try await undecodableRequestIsRefused()
    try await serverStreamingKeepsOrder()
    try await initialMetadataIsSentOnce()
    try await clientStreamingJoins()
    try await earlyAnswerCountsMoreThanTheSend()
    try await bidirectionalAnswersEachRequest()
    try await deadlineEndsTheCallAndItsHandler()
    try await cancellationReachesTheHandler()
    try await writersWaitForReaders()
    try await messageLimitsHold()
  }

  func unaryCarriesMessageAndMetadata() async throws {
    let options = CallOptions(metadata: [
      "x-echo": "hello", "x-echo-bin": .binary([0xab, 0, 0xff, 1]),
    ])
    let response: Response<BytesMessage> = try await channel.unaryResponse(
      CallTestService.echo, BytesMessage("ping"), options: options)
    try check(response.message.text == "ping", "\(response.message.text)")
    try check(response.initialMetadata["x-echo"] == "hello", "\(response.initialMetadata)")
    try check(
      response.trailingMetadata.binary("x-echo-bin") == [0xab, 0, 0xff, 1],
      "\(response.trailingMetadata)")
    let empty: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage())
    try check(empty.bytes.isEmpty, "an empty message came back with bytes")
  }

  func errorCarriesMessageAndMetadata() async throws {
    let error = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(CallTestService.fail, BytesMessage("x"))
    }
    try check(error?.code == .failedPrecondition, "\(String(describing: error))")
    try check(error?.message == "Not \"now\": 100 %, naïve.", "\(String(describing: error))")
    try check(error?.metadata["x-why"] == "because", "\(String(describing: error?.metadata))")
  }

  func unknownMethodIsUnimplemented() async throws {
    let method = MethodDescriptor(service: "no.such.Service", method: "M", kind: .unary)
    let error = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(method, BytesMessage("x"))
    }
    try check(error?.code == .unimplemented, "\(String(describing: error))")
  }

  func undecodableRequestIsRefused() async throws {
    let error = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(
        CallTestService.echo, BytesMessage(bytes: [0xff]))
    }
    try check(error?.code == .invalidArgument, "\(String(describing: error))")
  }

  func serverStreamingKeepsOrder() async throws {
    let text = try await channel.serverStreaming(
      CallTestService.split, BytesMessage("abcdef")
    ) { (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
      var text = ""
      while let response = try await responses.next() { text += response.text }
      return text
    }
    try check(text == "abcdef", text)
  }

  func initialMetadataIsSentOnce() async throws {
    let got = try await channel.serverStreaming(
      CallTestService.announce, BytesMessage("abc")
    ) { (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
      var got = [try await responses.initialMetadata()["x-count"]]
      while let response = try await responses.next() { got.append(response.text) }
      // The stream has the metadata that came last.
      got.append(try await responses.initialMetadata()["x-count"])
      return got
    }
    try check(got == ["1", "abc", "1"], "\(got)")
  }

  func clientStreamingJoins() async throws {
    let joined: BytesMessage = try await channel.clientStreaming(CallTestService.join) {
      (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
      for part in ["ab", "", "cd"] { try await requests.write(BytesMessage(part)) }
    }
    try check(joined.text == "abcd", joined.text)
  }

  func earlyAnswerCountsMoreThanTheSend() async throws {
    let error = await failure {
      () throws(RPCError) in
      let message = BytesMessage(bytes: Array(repeating: 0x62, count: 16 << 10))
      let _: BytesMessage = try await channel.clientStreaming(CallTestService.refuse) {
        (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
        for _ in 0..<1000 { try await requests.write(message) }
      }
    }
    try check(error?.code == .permissionDenied, "\(String(describing: error))")
  }

  func bidirectionalAnswersEachRequest() async throws {
    try await channel.bidirectionalStreaming(CallTestService.chat) {
      (
        requests: RequestWriter<BytesMessage>, responses: ResponseStream<BytesMessage>
      ) async throws(RPCError) in
      for number in 0..<100 {
        try await requests.write(BytesMessage("\(number)"))
        let response = try await responses.next()
        guard response?.text == "\(number)" else {
          throw RPCError(.dataLoss, "\(number) came back as \(response?.text ?? "nothing")")
        }
      }
      try await requests.finish()
      guard try await responses.next() == nil else { throw RPCError(.dataLoss, "too much") }
    }
  }

  func deadlineEndsTheCallAndItsHandler() async throws {
    let error = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(
        CallTestService.hang, BytesMessage("x"), options: CallOptions(timeout: .seconds(1)))
    }
    try check(error?.code == .deadlineExceeded, "\(String(describing: error))")
    let cause = await service.nextCause()
    // The client may give up a moment before the server's own timer.
    try check(cause == .deadline || cause == .clientReset, "\(cause)")
  }

  func cancellationReachesTheHandler() async throws {
    let error = await withTaskGroup(of: RPCError?.self) { group in
      group.addTask {
        await failure {
          () throws(RPCError) in
          let _: BytesMessage = try await channel.unary(CallTestService.hang, BytesMessage("x"))
        }
      }
      group.cancelAll()
      return await group.next() ?? nil
    }
    try check(error?.code == .cancelled, "\(String(describing: error))")
  }

  func writersWaitForReaders() async throws {
    try await channel.serverStreaming(CallTestService.flood, BytesMessage("x")) {
      (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
      for _ in 0..<2000 { _ = try await responses.next() }
    }
    let count = service.floodCount
    try check(count < 2000 + 4096, "the server sent \(count) messages for 2000 read")
  }

  func messageLimitsHold() async throws {
    let message = BytesMessage(bytes: Array(repeating: 0x61, count: 2048))
    let tooLong = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(
        CallTestService.echo, message, options: CallOptions(responseSizeMax: 1024))
    }
    try check(
      tooLong == RPCError(.resourceExhausted, "Message is 2 KiB; the limit is 1 KiB."),
      "\(String(describing: tooLong))")
    let large = BytesMessage(bytes: Array(repeating: 0x61, count: 5 << 20))
    let refused = await failure {
      () throws(RPCError) in
      let _: BytesMessage = try await channel.unary(
        CallTestService.echo, large, options: CallOptions(requestSizeMax: 8 << 20))
    }
    try check(
      refused?.message == "Message is 5 MiB; the limit is 4 MiB.", "\(String(describing: refused))")
  }

  private func check(_ condition: Bool, _ text: @autoclosure () -> String) throws(Mismatch) {
    if !condition { throw Mismatch(description: text()) }
  }
}

/// What `body` throws.
private func failure(_ body: () async throws(RPCError) -> Void) async -> RPCError? {
  do throws(RPCError) {
    try await body()
    return nil
  } catch {
    return error
  }
}
