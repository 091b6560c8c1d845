package import GRPC
internal import Synchronization

/// A service whose methods do what tests of calls need.
package final class CallTestService: Service {
  package static let name = "trunkline.testing.CallTest"
  package static let fileDescriptorSet: [UInt8] = []

  /// What is the same as the request; with metadata "x-echo" and "x-echo-bin" sent back.
  package static let echo = MethodDescriptor(service: name, method: "Echo", kind: .unary)
  /// Throws FAILED_PRECONDITION with trailing metadata "x-why".
  package static let fail = MethodDescriptor(service: name, method: "Fail", kind: .unary)
  /// Waits until it is cancelled.
  package static let hang = MethodDescriptor(service: name, method: "Hang", kind: .unary)
  /// One message per byte of the request.
  package static let split = MethodDescriptor(
    service: name, method: "Split", kind: .serverStreaming)
  /// The request back, with metadata "x-count" of 1 before it; other metadata is tried twice.
  package static let announce = MethodDescriptor(
    service: name, method: "Announce", kind: .serverStreaming)
  /// Never stops sending 1 KiB messages.
  package static let flood = MethodDescriptor(
    service: name, method: "Flood", kind: .serverStreaming)
  /// All requests in one message.
  package static let join = MethodDescriptor(service: name, method: "Join", kind: .clientStreaming)
  /// Answers before it has read anything.
  package static let refuse = MethodDescriptor(
    service: name, method: "Refuse", kind: .clientStreaming)
  /// Each request back at once.
  package static let chat = MethodDescriptor(
    service: name, method: "Chat", kind: .bidirectionalStreaming)

  private struct Record {
    var causes: [CancellationCause] = []
    var floodCount = 0
    var hangCount = 0
    var hangWaiters: [CheckedContinuation<Void, Never>] = []
    var waiters: [CheckedContinuation<CancellationCause, Never>] = []
  }

  private let record = Mutex(Record())

  package init() {}

  /// How many messages ``flood`` has sent.
  package var floodCount: Int { record.withLock { $0.floodCount } }

  /// Why the next ``hang`` call was cancelled; waits for it.
  package func nextCause() async -> CancellationCause {
    await withCheckedContinuation { continuation in
      let cause = record.withLock { record -> CancellationCause? in
        guard record.causes.isEmpty else { return record.causes.removeFirst() }
        record.waiters.append(continuation)
        return nil
      }
      if let cause { continuation.resume(returning: cause) }
    }
  }

  /// Waits until a ``hang`` call has reached its handler. Each call counts for one wait.
  package func untilHanging() async {
    await withCheckedContinuation { continuation in
      let isHanging = record.withLock { record in
        guard record.hangCount > 0 else {
          record.hangWaiters.append(continuation)
          return false
        }
        record.hangCount -= 1
        return true
      }
      if isHanging { continuation.resume() }
    }
  }

  private func noteHang() {
    let waiter = record.withLock { record -> CheckedContinuation<Void, Never>? in
      guard record.hangWaiters.isEmpty else { return record.hangWaiters.removeFirst() }
      record.hangCount += 1
      return nil
    }
    waiter?.resume()
  }

  private func note(_ cause: CancellationCause) {
    let waiter = record.withLock { record -> CheckedContinuation<CancellationCause, Never>? in
      guard record.waiters.isEmpty else { return record.waiters.removeFirst() }
      record.causes.append(cause)
      return nil
    }
    waiter?.resume(returning: cause)
  }

  package func register(in router: inout Router) {
    registerUnary(in: &router)
    router.serverStreaming(Self.split, BytesMessage.self, BytesMessage.self) {
      request, responses, context throws(RPCError) in
      for byte in request.bytes { try await responses.write(BytesMessage(bytes: [byte])) }
    }
    router.serverStreaming(Self.announce, BytesMessage.self, BytesMessage.self) {
      request, responses, context throws(RPCError) in
      context.setInitialMetadata(["x-count": "1"])
      try await responses.writeMetadata()
      context.setInitialMetadata(["x-count": "2"])
      try await responses.writeMetadata()
      try await responses.write(request)
      try await responses.writeMetadata()
    }
    router.serverStreaming(Self.flood, BytesMessage.self, BytesMessage.self) {
      [self] request, responses, context throws(RPCError) in
      let message = BytesMessage(bytes: Array(repeating: 0x61, count: 1024))
      while true {
        try await responses.write(message)
        record.withLock { $0.floodCount += 1 }
      }
    }
    router.clientStreaming(Self.join, BytesMessage.self, BytesMessage.self) {
      requests, context throws(RPCError) in
      var joined = BytesMessage()
      while let request = try await requests.next() { joined.bytes += request.bytes }
      return joined
    }
    router.clientStreaming(Self.refuse, BytesMessage.self, BytesMessage.self) {
      requests, context throws(RPCError) in
      throw RPCError(.permissionDenied, "No.")
    }
    router.bidirectionalStreaming(Self.chat, BytesMessage.self, BytesMessage.self) {
      requests, responses, context throws(RPCError) in
      while let request = try await requests.next() { try await responses.write(request) }
    }
  }

  private func registerUnary(in router: inout Router) {
    router.unary(Self.echo, BytesMessage.self, BytesMessage.self) {
      request, context throws(RPCError) in
      if let text = context.metadata["x-echo"] {
        context.setInitialMetadata(["x-echo": .text(text)])
      }
      if let bytes = context.metadata.binary("x-echo-bin") {
        context.setTrailingMetadata(["x-echo-bin": .binary(bytes)])
      }
      return request
    }
    router.unary(Self.fail, BytesMessage.self, BytesMessage.self) {
      request, context throws(RPCError) in
      throw RPCError(
        .failedPrecondition, "Not \"now\": 100 %, naïve.", metadata: ["x-why": "because"])
    }
    router.unary(Self.hang, BytesMessage.self, BytesMessage.self) {
      [self] request, context throws(RPCError) in
      noteHang()
      let forever = AsyncStream<Never> { _ in }
      for await _ in forever {}
      note(context.cancellationCause ?? .clientReset)
      throw context.cancellationError
    }
  }
}
