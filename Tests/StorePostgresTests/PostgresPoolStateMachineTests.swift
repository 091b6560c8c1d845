import Testing

@testable import StorePostgres

@Suite struct PostgresPoolStateMachineTests {
  private typealias Machine = PostgresPoolStateMachine<String>

  /// `random` is 1: waits are not shortened, ages a tenth.
  private func machine(
    hasListener: Bool = false, _ change: (inout PostgresPoolLimits) -> Void = { _ in }
  ) -> Machine {
    var limits = PostgresPoolLimits.defaults
    change(&limits)
    return Machine(limits: limits, hasListener: hasListener, random: { 1 })
  }

  /// One with a reader (1) and a writer (2) that are established at 0 s.
  private func readyMachine(_ change: (inout PostgresPoolLimits) -> Void = { _ in }) -> Machine {
    var machine = machine(change)
    #expect(machine.started() == [.connect(1, .reader), .connect(2, .writer)])
    #expect(machine.established(1, now: .zero) == [])
    #expect(machine.established(2, now: .zero) == [])
    return machine
  }

  @Test func opensOneOfEachKind() {
    var machine = machine(hasListener: true)
    #expect(
      machine.started() == [.connect(1, .reader), .connect(2, .writer), .connect(3, .listener)])
    #expect(machine.established(3, now: .zero) == [])
    #expect(machine.assigned(now: .zero) == [])
  }

  @Test func readsOfATickGoOutTogether() {
    var machine = readyMachine()
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.readRequested("b", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.read(["a", "b"], on: 1)])
    #expect(machine.assigned(now: .zero) == [])
    #expect(machine.answered(1, count: 2, now: .zero) == [])
  }

  @Test func readsThatCameTooEarlyWaitForTheirConnection() {
    var machine = machine()
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.connect(1, .reader), .connect(2, .writer)])
    #expect(machine.established(2, now: .zero) == [.lease("t", on: 2)])
    #expect(machine.established(1, now: .zero) == [.read(["a"], on: 1)])
  }

  @Test func loadedReadersGetCompanyUpToABound() {
    var machine = readyMachine {
      $0.readsBeforeGrowthMax = 1
      $0.readsPerConnectionMax = 2
      $0.readersMax = 2
    }
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.read(["a"], on: 1), .connect(3, .reader)])
    for name in ["b", "c", "d", "e"] { #expect(machine.readRequested(name, now: .zero) == nil) }
    #expect(machine.assigned(now: .zero) == [.read(["b"], on: 1)])
    #expect(machine.established(3, now: .zero) == [.read(["c", "d"], on: 3)])
    #expect(machine.answered(1, count: 1, now: .zero) == [])
    #expect(machine.assigned(now: .zero) == [.read(["e"], on: 1)])
  }

  @Test func readsAreSpreadByTheHandful() {
    var machine = readyMachine {
      $0.readersMin = 1
      $0.readsTogetherMax = 2
      $0.readsBeforeGrowthMax = 1
      $0.readersMax = 2
    }
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.read(["a"], on: 1), .connect(3, .reader)])
    #expect(machine.established(3, now: .zero) == [])
    for name in ["b", "c", "d", "e", "f"] {
      #expect(machine.readRequested(name, now: .zero) == nil)
    }
    #expect(
      machine.assigned(now: .zero) == [.read(["b", "c", "f"], on: 3), .read(["d", "e"], on: 1)])
  }

  @Test func eachTransactionHasAConnectionOfItsOwn() {
    var machine = readyMachine { $0.writersMax = 2 }
    for name in ["s", "t", "u"] {
      #expect(machine.transactionRequested(name, now: .zero) == nil)
    }
    #expect(machine.assigned(now: .zero) == [.lease("s", on: 2), .connect(3, .writer)])
    #expect(machine.established(3, now: .zero) == [.lease("t", on: 3)])
    #expect(machine.released(2, isClean: true, now: .zero) == [])
    #expect(machine.assigned(now: .zero) == [.lease("u", on: 2)])
  }

  @Test func aConnectionThatIsNotCleanIsReplaced() {
    var machine = readyMachine()
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.lease("t", on: 2)])
    #expect(
      machine.released(2, isClean: false, now: .zero) == [.close(2), .connect(3, .writer)])
  }

  @Test func queuesAreBounded() {
    var machine = machine {
      $0.readsWaitingMax = 1
      $0.transactionsWaitingMax = 1
    }
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.readRequested("b", now: .zero) == .queueFull)
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.transactionRequested("u", now: .zero) == .queueFull)
    #expect(machine.withdrawn("a") == true)
    #expect(machine.withdrawn("a") == false)
    #expect(machine.readRequested("b", now: .zero) == nil)
  }

  @Test func waitsAreBounded() {
    var machine = machine()
    _ = machine.started()
    #expect(machine.readRequested("a", now: .seconds(1)) == nil)
    #expect(machine.transactionRequested("t", now: .seconds(2)) == nil)
    #expect(machine.maintained(now: .seconds(5)) == [])
    #expect(machine.maintained(now: .seconds(6)) == [.refuse("a", .waitedTooLong)])
    #expect(machine.maintained(now: .seconds(7)) == [.refuse("t", .waitedTooLong)])
  }

  @Test func triesOneAtATimeWithGrowingWaits() {
    var machine = machine()
    _ = machine.started()
    #expect(machine.connectFailed(1) == [.waitToReconnect(.milliseconds(50))])
    // Tries that began together count once.
    #expect(machine.connectFailed(2) == [])
    #expect(machine.failureCount == 1)
    #expect(machine.assigned(now: .zero) == [])
    #expect(machine.reconnectDue() == [.connect(3, .reader)])
    #expect(machine.assigned(now: .zero) == [])
    for (id, wait) in [(3, 100), (4, 200), (5, 400), (6, 800), (7, 1000), (8, 1000)] {
      #expect(machine.connectFailed(id) == [.waitToReconnect(.milliseconds(wait))])
      #expect(machine.reconnectDue() == [.connect(id + 1, .reader)])
    }
    #expect(machine.established(9, now: .zero) == [.connect(10, .writer)])
    #expect(machine.failureCount == 0)
  }

  @Test func aBrokenConnectionIsReplacedAtOnce() {
    var machine = readyMachine()
    #expect(machine.broke(1, now: .seconds(1)) == [.connect(3, .reader)])
    #expect(machine.answered(1, count: 1, now: .seconds(1)) == [])
    // One that did not live for a second is replaced after a wait.
    #expect(machine.established(3, now: .seconds(2)) == [])
    #expect(machine.broke(3, now: .seconds(2)) == [.waitToReconnect(.milliseconds(50))])
    #expect(machine.broke(3, now: .seconds(2)) == [])
  }

  @Test func aStandbyIsLeft() {
    var machine = readyMachine()
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.lease("t", on: 2)])
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(machine.serverIsReadOnly() == [.close(1), .connect(3, .reader), .connect(4, .writer)])
    #expect(machine.released(2, isClean: true, now: .zero) == [.close(2)])
    #expect(machine.established(3, now: .zero) == [.read(["a"], on: 3)])
  }

  @Test func unusedConnectionsGo() {
    var machine = readyMachine()
    for name in ["s", "t"] { #expect(machine.transactionRequested(name, now: .zero) == nil) }
    #expect(machine.assigned(now: .zero) == [.lease("s", on: 2), .connect(3, .writer)])
    #expect(machine.established(3, now: .zero) == [.lease("t", on: 3)])
    #expect(machine.released(2, isClean: true, now: .seconds(1)) == [])
    #expect(machine.released(3, isClean: true, now: .seconds(2)) == [])
    // The one that was used last is used first.
    #expect(machine.transactionRequested("u", now: .seconds(3)) == nil)
    #expect(machine.assigned(now: .seconds(3)) == [.lease("u", on: 3)])
    #expect(machine.maintained(now: .seconds(60)) == [])
    #expect(machine.maintained(now: .seconds(61)) == [.close(2)])
    #expect(machine.released(3, isClean: true, now: .seconds(62)) == [])
    #expect(machine.maintained(now: .seconds(1000)) == [])
  }

  @Test func oldConnectionsAreReplacedOneByOne() {
    var machine = readyMachine()
    #expect(machine.readRequested("a", now: .seconds(1)) == nil)
    #expect(machine.assigned(now: .seconds(1)) == [.read(["a"], on: 1)])
    #expect(machine.maintained(now: .seconds(1619)) == [])
    // Half an hour less a tenth. A read is under way on 1.
    #expect(machine.maintained(now: .seconds(1620)) == [.connect(3, .reader)])
    #expect(machine.maintained(now: .seconds(1621)) == [.close(2), .connect(4, .writer)])
    #expect(machine.maintained(now: .seconds(1622)) == [])
    #expect(machine.answered(1, count: 1, now: .seconds(1623)) == [.close(1)])
  }

  @Test func shutsDownWhenTheWorkHasEnded() {
    var machine = readyMachine()
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.lease("t", on: 2)])
    #expect(machine.transactionRequested("u", now: .zero) == nil)
    #expect(machine.readRequested("a", now: .zero) == nil)
    #expect(
      machine.shutDown() == [.refuse("a", .closing), .refuse("u", .closing), .close(1)])
    #expect(machine.shutDown() == [])
    #expect(machine.readRequested("b", now: .zero) == .closing)
    #expect(machine.transactionRequested("v", now: .zero) == .closing)
    #expect(machine.maintained(now: .seconds(1)) == [])
    #expect(machine.released(2, isClean: true, now: .seconds(1)) == [.close(2), .finished])
  }

  @Test func shutsDownWithConnectionsThatBreakOrFail() {
    var machine = readyMachine()
    #expect(machine.transactionRequested("t", now: .zero) == nil)
    #expect(machine.assigned(now: .zero) == [.lease("t", on: 2)])
    #expect(machine.shutDown() == [.close(1)])
    #expect(machine.broke(2, now: .seconds(1)) == [.finished])

    var young = self.machine()
    _ = young.started()
    #expect(young.shutDown() == [.close(1), .close(2), .finished])
    #expect(young.connectFailed(1) == [])
    #expect(young.established(2, now: .zero) == [])
  }
}
