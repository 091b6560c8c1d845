import Glibc
import Synchronization
import Testing

@testable import EventLoops

/// Holds up whoever waits for it, until it is opened.
private final class Gate: Sendable {
  private let isOpen = Atomic(false)

  func open() { isOpen.store(true, ordering: .releasing) }

  func wait() {
    while !isOpen.load(ordering: .acquiring) { sched_yield() }
  }
}

private final class Count: Sendable {
  let value = Atomic(0)
}

/// Counts those that are let go on their loop.
private final class HeldOnLoop: Sendable {
  private let loop: EventLoop
  private let count: Count

  init(_ loop: EventLoop, _ count: Count) {
    self.loop = loop
    self.count = count
  }

  deinit { if loop.isCurrent { count.value.add(1, ordering: .relaxed) } }
}

struct TurnQueueTests {
  @Test func ownersTakeTurnsAndKeepTheirOrder() {
    var queue = TurnQueue<Int>()
    var taken = [queue.popFirst()]
    for number in 1...3 { queue.append(number, of: "a") }
    queue.append(11, of: "b")
    taken.append(queue.popFirst())
    queue.append(21, of: "c")
    for _ in 0..<3 { taken.append(queue.popFirst()) }
    queue.append(12, of: "b")
    for _ in 0..<3 { taken.append(queue.popFirst()) }
    #expect(taken == [nil, 1, 11, 2, 21, 3, 12, nil])
    #expect(queue.isEmpty)
  }

  @Test func everyElementComesOnce() {
    var queue = TurnQueue<Int>()
    var taken: [Int] = []
    for number in 0..<1000 {
      queue.append(number, of: "\(number % 7)")
      if number % 3 == 0, let element = queue.popFirst() { taken.append(element) }
    }
    while let element = queue.popFirst() { taken.append(element) }
    #expect(taken.sorted() == Array(0..<1000))
    for remainder in 0..<7 {
      let own = taken.filter { $0 % 7 == remainder }
      #expect(own == own.sorted())
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct SideThreadTests {
  @Test func workIsDoneBesideTheLoopThatGoesOn() async {
    let loop = EventLoop(name: "test")
    let gate = Gate()
    let order = Mutex<[String]>([])
    await withCheckedContinuation { done in
      loop.execute {
        loop.doAside(of: "a") {
          gate.wait()
          order.withLock { $0.append(loop.isCurrent ? "on the loop" : "beside it") }
        } _: {
          order.withLock { $0.append(loop.isCurrent ? "done" : "done elsewhere") }
          done.resume()
        }
        loop.schedule(after: .zero) {
          order.withLock { $0.append("a timer") }
          gate.open()
        }
      }
    }
    #expect(order.withLock { $0 } == ["a timer", "beside it", "done"])
    loop.stop()
  }

  @Test func ownersTakeTurns() async {
    let loop = EventLoop(name: "test")
    let gate = Gate()
    let order = Mutex<[String]>([])
    await withCheckedContinuation { begun in
      loop.execute {
        loop.doAside(of: "a") {
          begun.resume()
          gate.wait()
        } _: {
        }
      }
    }
    await withCheckedContinuation { done in
      loop.execute {
        for owner in ["a", "a", "b"] {
          loop.doAside(of: owner) {
            order.withLock { $0.append(owner) }
          } _: {
          }
        }
        loop.doAside(of: "a") {
          order.withLock { $0.append("last") }
        } _: {
          done.resume()
        }
        gate.open()
      }
    }
    #expect(order.withLock { $0 } == ["a", "b", "a", "last"])
    loop.stop()
  }

  /// It may be of use on the loop only, as a connection is.
  @Test func whatTheEndHoldsIsLetGoOnTheLoop() async {
    let loop = EventLoop(name: "test")
    let count = Count()
    for _ in 0..<500 {
      await withCheckedContinuation { done in
        loop.execute {
          let held = HeldOnLoop(loop, count)
          loop.doAside(of: "a") {
          } _: {
            done.resume()
            withExtendedLifetime(held) {}
          }
        }
      }
    }
    loop.stop()
    #expect(count.value.load(ordering: .relaxed) == 500)
  }

  @Test func aTaskWaitsForItsWork() async {
    let loop = EventLoop(name: "test")
    let count = Count()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 {
        group.addTask { await loop.doAside(of: "a") { count.value.add(1, ordering: .relaxed) } }
      }
    }
    #expect(count.value.load(ordering: .relaxed) == 100)
    loop.stop()
  }

  @Test func aLoopThatStopsWaitsForTheWorkAtHandAndAnswersTheRest() async {
    let loop = EventLoop(name: "test")
    let gate = Gate()
    let order = Mutex<[String]>([])
    await withCheckedContinuation { begun in
      loop.execute {
        loop.doAside(of: "a") {
          begun.resume()
          gate.wait()
          order.withLock { $0.append("work") }
        } _: {
          order.withLock { $0.append("done") }
        }
        loop.doAside(of: "a") {
        } _: {
          order.withLock { $0.append("answered") }
        }
      }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { loop.stop() }
      group.addTask { gate.open() }
    }
    #expect(order.withLock { $0 } == ["work", "done", "answered"])
  }
}
