import CallDispatch
import Telephony
import TestKit
import Testing

struct UnsavedCallsTests {
  @Test func anInboundCallIsAnsweredWhileTheStoreIsAwayAndWrittenLater() async throws {
    let harness = try await DispatchHarness(faults: FaultInjector(failing: 1))
    let (request, webhook) = harness.voice(call: 7)
    let answer = try await harness.dispatcher.answerVoice(request, webhook)
    guard case .connect(.mediaStream(_, let parameters)) = answer else {
      Issue.record("The call was answered with \(answer).")
      return
    }
    #expect(harness.store.allCalls.isEmpty)
    #expect(harness.dispatcher.unsaved.count == 1)

    await harness.dispatcher.runUntilIdle(rounds: 1)
    #expect(harness.dispatcher.unsaved.count == 0)
    let call = try #require(harness.store.allCalls.first)
    #expect(call.answer == answer)
    #expect(parameters.contains { $0.value == call.id.description })
  }

  @Test func theSameWebhookAgainGetsTheSameAnswerWithoutTheStore() async throws {
    let harness = try await DispatchHarness(faults: FaultInjector(cuttingOffAfter: 1))
    let last = harness.voice(call: 6)
    _ = try await harness.dispatcher.answerVoice(last.0, last.1)
    #expect(harness.dispatcher.unsaved.count == 0)
    let (request, webhook) = harness.voice(call: 7)
    let first = try await harness.dispatcher.answerVoice(request, webhook)
    try harness.publish(agent: nil)
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == first)
    #expect(harness.dispatcher.unsaved.count == 1)
  }

  @Test func theStoreThatIsBackGetsTheCallThatWasAnswered() async throws {
    let harness = try await DispatchHarness(faults: FaultInjector(failing: 1))
    let (request, webhook) = harness.voice(call: 7)
    let first = try await harness.dispatcher.answerVoice(request, webhook)
    try harness.publish(agent: nil)
    #expect(try await harness.dispatcher.answerVoice(request, webhook) == first)
    #expect(harness.store.allCalls.count == 1)
    #expect(harness.dispatcher.unsaved.count == 0)
  }

  @Test func aWriteThatWasDoneThoughItsAnswerWasLostIsOneCall() async throws {
    let harness = try await DispatchHarness(faults: FaultInjector(failing: 1, .afterEffect))
    let (request, webhook) = harness.voice(call: 7)
    let answer = try await harness.dispatcher.answerVoice(request, webhook)
    await harness.dispatcher.runUntilIdle(rounds: 1)
    #expect(harness.store.allCalls.count == 1)
    #expect(harness.store.allCalls.first?.answer == answer)
    #expect(harness.dispatcher.unsaved.count == 0)
  }

  @Test func whileOneWaitsToBeWrittenTheNextDoesNotWaitForTheStore() async throws {
    let faults = FaultInjector(failing: 2)
    let harness = try await DispatchHarness(faults: faults)
    for call in 5..<9 {
      let (request, webhook) = harness.voice(call: UInt64(call))
      let answer = try await harness.dispatcher.answerVoice(request, webhook)
      guard case .connect = answer else {
        Issue.record("The call was answered with \(answer).")
        return
      }
    }
    // The first was written, the second was tried; the others spent nobody's patience.
    #expect(harness.store.allCalls.count == 1)
    #expect(harness.dispatcher.unsaved.count == 3)
    #expect(faults.count == 2)
  }
}
