import Telephony
import TestKit
import Testing

@testable import Registry

/// Failure n of N of a purchase and of a release: whatever fails, the number is bought once or not
/// at all, and what was bought is registered.
struct ProvisionFaultTests {
  /// What must hold whenever no work goes on. Gives the number, if it is ours.
  private static func check(
    _ harness: Harness, _ what: Comment
  ) async throws -> PhoneNumber? {
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.isEmpty, what)
    let all = try await ProvisionTests.numbers(harness)
    #expect(all.count <= 1 && harness.market.bought.count <= 1, what)
    let isOurs = harness.market.bought.count > harness.market.released.count
    #expect(isOurs == !all.isEmpty, what)
    guard let number = all.first else { return nil }
    #expect(!number.isAwaited, what)
    #expect([.active, .degraded].contains(number.state), what)
    return number
  }

  @Test func aPurchaseSurvivesEveryFailure() async throws {
    let (clean, cleanProvider) = try await ProvisionTests.scene()
    let counter = FaultInjector()
    _ = try await ProvisionTests.buy(
      clean.restarted(counter), ProvisionTests.request(cleanProvider))
    #expect(counter.count >= 18)
    var boughtCount = 0
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, provider) = try await ProvisionTests.scene()
        let injector = FaultInjector(failing: step, fault)
        let process = harness.restarted(injector)
        _ = try? await ProvisionTests.buy(process, ProvisionTests.request(provider))
        await process.context.background.idle()

        let next = harness.restarted()
        try await next.context.resume()
        try await ProvisionTests.settle(next)
        let number = try await Self.check(next, what)
        if number != nil { boughtCount += 1 }
        // The same request buys nothing more, whatever came of the first.
        let requests = harness.market.buyRequestCount
        _ = try await ProvisionTests.buy(next, ProvisionTests.request(provider))
        let last = try await Self.check(next, what)
        if requests > 0 { #expect(harness.market.buyRequestCount <= max(requests, 1), what) }
        if let number { #expect(last?.id == number.id, what) }
      }
    }
    #expect(boughtCount > counter.count)
  }

  @Test func aReleaseSurvivesEveryFailure() async throws {
    func scene() async throws -> (Harness, PhoneNumber) {
      let (harness, provider) = try await ProvisionTests.scene()
      _ = try await ProvisionTests.buy(harness, ProvisionTests.request(provider))
      return (harness, try #require(try await ProvisionTests.numbers(harness).first))
    }
    func release(_ harness: Harness, _ number: PhoneNumber) async throws {
      _ = try await harness.numbers.release(
        ReleasePhoneNumber(id: number.id.description, isConfirmed: true),
        by: ProvisionTests.caller)
      await harness.context.background.idle()
    }
    let (clean, cleanNumber) = try await scene()
    let counter = FaultInjector()
    try await release(clean.restarted(counter), cleanNumber)
    #expect(counter.count >= 12)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, number) = try await scene()
        let process = harness.restarted(FaultInjector(failing: step, fault))
        try? await release(process, number)
        await process.context.background.idle()
        let next = harness.restarted()
        try await next.context.resume()
        if try await Self.check(next, what) != nil {
          try await release(next, number)
          #expect(try await Self.check(next, what) == nil, what)
        }
      }
    }
  }
}
