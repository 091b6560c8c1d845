import Buffers
import Testing
import WellKnown

@testable import GRPC

struct ErrorDetailTests {
  @Test func everyStandardDetailComesBackFromTheTrailer() throws {
    let error = RPCError(.failedPrecondition, "No.")
      .adding(.errorInfo(reason: "A_REASON", domain: "trunkline.dev", metadata: ["k": "v"]))
      .adding(.retryInfo(after: .milliseconds(1500)))
      .adding(.debugInfo(stack: ["a", "b"], "detail"))
      .adding(.quotaFailure([(subject: "project:1", description: "Calls a day.")]))
      .adding(.preconditionFailure([(type: "TOS", subject: "us", description: "Not accepted.")]))
      .adding(.badRequest([(field: "a[0].b", reason: "TOO_LONG", description: "Too long.")]))
      .adding(.requestInfo(id: "r-1", servingData: "x"))
      .adding(.resourceInfo(type: "t.v1.Thing", name: "n", owner: "o", description: "d"))
      .adding(.help([(description: "Docs", url: "https://trunkline.dev")]))
      .adding(.localizedMessage(locale: "fr-CH", "Non."))
    let encoded = try #require(error.encodedDetails(sizeMax: 8 << 10))
    let bytes = try #require(Base64.decode(Array(encoded.utf8)))
    var read = RPCError(.failedPrecondition, "No.")
    read.takeDetails(encoded: bytes)
    #expect(read == error)
    #expect(read.details.count == 10)
    #expect(read.detail(Google.Rpc.ErrorInfo.self)?.metadata == ["k": "v"])
    let delay = read.detail(Google.Rpc.RetryInfo.self)?.retryDelay
    #expect(delay?.seconds == 1 && delay?.nanos == 500_000_000)
    #expect(read.detail(Google.Rpc.DebugInfo.self)?.stackEntries == ["a", "b"])
    #expect(read.detail(Google.Rpc.QuotaFailure.self)?.violations.first?.subject == "project:1")
    #expect(read.detail(Google.Rpc.PreconditionFailure.self)?.violations.first?.type == "TOS")
    let field = read.detail(Google.Rpc.BadRequest.self)?.fieldViolations.first
    #expect(field?.field == "a[0].b" && field?.reason == "TOO_LONG")
    #expect(read.detail(Google.Rpc.RequestInfo.self)?.requestID == "r-1")
    #expect(read.detail(Google.Rpc.ResourceInfo.self)?.owner == "o")
    #expect(read.detail(Google.Rpc.Help.self)?.links.first?.url == "https://trunkline.dev")
    #expect(read.detail(Google.Rpc.LocalizedMessage.self)?.locale == "fr-CH")
  }

  @Test func eachTypeIsThereOnce() {
    let error = RPCError(.aborted, "No.")
      .adding(.errorInfo(reason: "ONE", domain: "d"))
      .adding(.requestInfo(id: "r"))
      .adding(.errorInfo(reason: "TWO", domain: "d"))
    #expect(error.details.count == 2)
    #expect(error.detail(Google.Rpc.ErrorInfo.self)?.reason == "TWO")
    #expect(error.detail(Google.Rpc.Help.self) == nil)
  }

  @Test func pushBackSpeaksToRetriesAndToPrograms() {
    let later = RPCError(.unavailable, "Busy.").pushingBack(retryAfter: .milliseconds(2500))
    #expect(later.metadata["grpc-retry-pushback-ms"] == "2500")
    #expect(later.detail(Google.Rpc.RetryInfo.self)?.retryDelay?.seconds == 2)
    let never = RPCError(.unavailable, "Busy.").pushingBack(retryAfter: nil)
    #expect(never.metadata["grpc-retry-pushback-ms"] == "-1")
    #expect(never.details.isEmpty)
  }

  @Test(arguments: [(nil, 0), ("0", 0), ("3", 3), ("-1", 0), ("x", 0)] as [(String?, Int)])
  func earlierAttemptsAreCounted(text: String?, count: Int) {
    var metadata = Metadata()
    if let text { metadata.append(text, for: "grpc-previous-rpc-attempts") }
    let method = MethodDescriptor(service: "s", method: "M", kind: .unary)
    #expect(ServerContext(method: method, metadata: metadata).previousAttemptCount == count)
  }
}

@Suite(.timeLimit(.minutes(1))) struct ServerContextTests {
  private let context = ServerContext(
    method: MethodDescriptor(service: "s", method: "M", kind: .unary))

  @Test func cancellationIsToldWithItsCause() async throws {
    let causes = AsyncStream.makeStream(of: CancellationCause.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (begun, begin) = AsyncStream.makeStream(of: Void.self)
      group.addTask {
        try await context.withCancellationHandler { () throws(RPCError) in
          begin.yield()
          let forever = AsyncStream<Never> { _ in }
          for await _ in forever {}
        } onCancel: {
          causes.continuation.yield($0)
        }
      }
      for await _ in begun { break }
      context.noteCancellation(.deadline)
      context.noteCancellation(.clientReset)
      group.cancelAll()
      try await group.waitForAll()
    }
    var iterator = causes.stream.makeAsyncIterator()
    #expect(await iterator.next() == .deadline)
  }

  @Test func aTaskThatIsCancelledByOthersIsNotTheCallsEnd() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.cancelAll()
      group.addTask {
        try? await context.withCancellationHandler { () throws(RPCError) in
          #expect(Task.isCancelled)
        } onCancel: { _ in
          Issue.record("the call goes on")
        }
      }
    }
  }

  @Test func compressionIsTheCallsOwn() {
    #expect(context.compressesResponses == nil && !context.isRequestCompressed)
    context.setCompressesResponses(true)
    context.noteRequest(isCompressed: true)
    #expect(context.compressesResponses == true && context.isRequestCompressed)
    context.setCompressesResponses(nil)
    context.noteRequest(isCompressed: false)
    #expect(context.compressesResponses == nil && !context.isRequestCompressed)
  }
}
