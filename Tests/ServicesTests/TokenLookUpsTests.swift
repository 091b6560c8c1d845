import Access
import Telephony
import TestKit
import Testing

@testable import Services

struct TokenLookUpsTests {
  private let directory = TokenDirectory()
  private let lookUps: TokenLookUps

  init() { lookUps = TokenLookUps(directory) }

  private func until(_ condition: () -> Bool) async {
    for _ in 0..<100_000 {
      if condition() { return }
      await Task.yield()
    }
    Issue.record("It never came.")
  }

  private func isFound(_ found: TokenLookUps.Found) -> Bool {
    if case .success(.some) = found { true } else { false }
  }

  @Test(arguments: TokenLookUps.Lane.allCases)
  func manyTokensTakeTurns(_ lane: TokenLookUps.Lane) async {
    let running = Shared(0)
    let most = Shared(0)
    let isOpen = Shared(false)
    let tokenCount = lane.countMax + lane.waitingMax
    await withTaskGroup(of: TokenLookUps.Found.self) { group in
      func ask(_ number: Int) {
        group.addTask {
          await lookUps.find(Sample.tokenID(number), in: lane) { _ in
            let count = running.withLock { count in
              count += 1
              return count
            }
            most.withLock { $0 = max($0, count) }
            while !isOpen.withLock({ $0 }) { await Task.yield() }
            running.withLock { $0 -= 1 }
            return Sample.token(number).grant
          }
        }
      }
      for number in 1...tokenCount { ask(number) }
      await until {
        lookUps.waitingCount == lane.waitingMax && running.withLock { $0 } == lane.countMax
      }
      // There is no room for more; the other lane has its own.
      ask(tokenCount + 1)
      let refused = await group.next()
      #expect(refused.map(isFound) == false)
      let other: TokenLookUps.Lane = lane == .usual ? .suspect : .usual
      let found = await lookUps.find(Sample.tokenID(0), in: other) { _ in Sample.token(0).grant }
      #expect(isFound(found))
      isOpen.withLock { $0 = true }
      for await found in group { #expect(isFound(found)) }
    }
    #expect(most.withLock { $0 } == lane.countMax)
    #expect(directory.count == tokenCount + 1)
  }

  @Test func anotherAsksWhenTheFirstGoesAway() async {
    let id = Sample.tokenID(1)
    let count = Shared(0)
    let lookUp: CallAuthenticator.LookUp = { _ in
      let isFirst = count.withLock { count in
        count += 1
        return count == 1
      }
      while isFirst {
        try Task.checkCancellation()
        await Task.yield()
      }
      return Sample.token(1).grant
    }
    await withTaskGroup(of: TokenLookUps.Found.self) { others in
      await withTaskGroup(of: TokenLookUps.Found.self) { first in
        first.addTask { await lookUps.find(id, in: .usual, by: lookUp) }
        await until { count.withLock { $0 } == 1 }
        for _ in 0..<3 { others.addTask { await lookUps.find(id, in: .usual, by: lookUp) } }
        await until { lookUps.waitingCount == 3 }
        first.cancelAll()
        let gone = await first.next()
        #expect(gone.map(isFound) == false)
      }
      for await found in others { #expect(isFound(found)) }
    }
    #expect(count.withLock { $0 } == 2)
  }

  @Test func nobodyJoinsALookUpThatBeganBeforeARemoval() async {
    let id = Sample.tokenID(1)
    let isOpen = Shared(false)
    let count = Shared(0)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        _ = await lookUps.find(id, in: .usual) { _ in
          count.withLock { $0 += 1 }
          while !isOpen.withLock({ $0 }) { await Task.yield() }
          return Sample.token(1).grant
        }
      }
      await until { count.withLock { $0 } == 1 }
      directory.remove(id)
      let after = await lookUps.find(id, in: .usual) { _ in nil }
      #expect(!isFound(after))
      isOpen.withLock { $0 = true }
    }
    #expect(directory.count == 0)
  }
}
