import Synchronization
import Testing

@testable import GRPCTransport

@Suite struct MemoryBudgetTests {
  @Test func theLimitIsWhatWasSetOrAShareOfTheGroups() {
    #expect(MemoryBudget.limit(configured: 5 << 20, memoryMax: 1 << 30) == 5 << 20)
    #expect(MemoryBudget.limit(configured: nil, memoryMax: nil) == 512 << 20)
    #expect(MemoryBudget.limit(configured: nil, memoryMax: 1 << 40) == 512 << 20)
    #expect(MemoryBudget.limit(configured: nil, memoryMax: 512 << 20) == 128 << 20)
    #expect(MemoryBudget.limit(configured: nil, memoryMax: 1 << 10) == 1 << 20)
  }

  @Test func loopsTellInStepsAndTheLastByte() {
    let budget = MemoryBudget(limit: 64 << 20, loopCount: 2)
    var first = LoopMemory(budget)
    var second = LoopMemory(budget)
    #expect(budget.step == 64 << 10)
    first.changed(by: budget.step - 1)
    #expect(budget.total == 0)
    // A loop knows all of its own, and of others what they told.
    #expect(first.total == budget.step - 1)
    #expect(second.total == 0)
    first.changed(by: 1)
    second.changed(by: 3 * budget.step)
    #expect(first.total == 4 * budget.step)
    second.changed(by: -1)
    #expect(budget.total == 4 * budget.step)
    #expect(second.total == 4 * budget.step - 1)
    first.changed(by: -first.held)
    second.changed(by: -second.held)
    #expect(budget.total == 0)
  }

  @Test func aSmallLimitIsCountedInSmallSteps() {
    let budget = MemoryBudget(limit: 1 << 20, loopCount: 64)
    #expect(budget.step * 64 <= budget.limit / 16)
  }

  @Test func eachLoopFreesItsPartOfWhatIsTooMuch() {
    let budget = MemoryBudget(limit: 80 << 20, loopCount: 2)
    var first = LoopMemory(budget)
    var second = LoopMemory(budget)
    first.changed(by: 60 << 20)
    second.changed(by: 20 << 20)
    #expect(!first.isOver)
    #expect(first.excess == 0)
    second.changed(by: 20 << 20)
    #expect(first.isOver)
    #expect(second.isOver)
    // Down to seven eighths, 70 MiB.
    #expect(first.excess == 18 << 20)
    #expect(second.excess == 12 << 20)
    #expect(second.isFarOver)
    first.changed(by: -first.excess)
    #expect(!second.isFarOver)
    second.changed(by: -second.excess)
    #expect(first.excess == 0)
    #expect(second.excess == 0)
    #expect(LoopMemory(budget).excess == 0)
  }

  @Test func pressureLastsUntilAQuarterIsFree() {
    let budget = MemoryBudget(limit: 80 << 20, loopCount: 1)
    budget.changed(by: 80 << 20)
    #expect(!budget.isPressed)
    budget.changed(by: 1)
    #expect(budget.isPressed)
    budget.changed(by: -(20 << 20))
    #expect(budget.isPressed)
    budget.changed(by: -2)
    #expect(!budget.isPressed)
  }

  @Test func everyMemberIsAsked() {
    let budget = MemoryBudget(limit: 1 << 20, loopCount: 2)
    let asked = Mutex<[Int]>([])
    for number in 1...2 { budget.register { asked.withLock { $0.append(number) } } }
    budget.askAll()
    #expect(asked.withLock { $0 } == [1, 2])
  }
}
