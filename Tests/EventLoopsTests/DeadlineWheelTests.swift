import Synchronization
import Testing

@testable import EventLoops

private final class Waiting: DeadlineHandler {
  let passed: () -> Void
  init(_ passed: @escaping () -> Void) { self.passed = passed }
  func deadlinePassed() { passed() }
}

@Suite(.timeLimit(.minutes(1))) struct DeadlineWheelTests {
  @Test func deadlinesPassInOrderAndRemovedOnesNever() async {
    let loop = EventLoop(name: "wheel")
    let order = Mutex<[Int]>([])
    await withCheckedContinuation { done in
      loop.execute {
        let wheel = DeadlineWheel(loop: loop)
        var kept: [Waiting] = []
        for milliseconds in [60, 20, 40, 0] {
          let waiting = Waiting {
            order.withLock { $0.append(milliseconds) }
            guard milliseconds == 60 else { return }
            #expect(wheel.count == 1)
            done.resume()
          }
          kept.append(waiting)
          _ = wheel.add(waiting, after: .milliseconds(milliseconds))
        }
        let never = Waiting { order.withLock { $0.append(-1) } }
        let entry = wheel.add(never, after: .milliseconds(30))
        wheel.remove(entry)
        wheel.remove(entry)
        let late = Waiting { order.withLock { $0.append(-2) } }
        _ = wheel.add(late, after: .seconds(3600))
        kept += [never, late]
        loop.schedule(after: .seconds(2)) { _ = kept.count }
      }
    }
    #expect(order.withLock { $0 } == [0, 20, 40, 60])
    loop.stop()
  }

  /// A server makes its wheels before its loops know of them.
  @Test func isMadeOffItsLoop() async {
    let loop = EventLoop(name: "wheel")
    let made = Made(wheel: DeadlineWheel(loop: loop))
    await withCheckedContinuation { done in
      loop.execute {
        let waiting = Waiting { done.resume() }
        _ = made.wheel.add(waiting, after: .milliseconds(5))
        loop.schedule(after: .seconds(2)) { _ = waiting }
      }
    }
    loop.stop()
  }

  private struct Made: @unchecked Sendable {
    // @unchecked: used on the wheel's loop only, once it was handed there.
    let wheel: DeadlineWheel
  }

  /// Who waits need not be held by anybody else, and is let go with the deadline.
  @Test func whoWaitsIsKeptUntilThen() async {
    let loop = EventLoop(name: "wheel")
    await withCheckedContinuation { done in
      loop.execute {
        let wheel = DeadlineWheel(loop: loop)
        weak var removed: Waiting?
        let entry: DeadlineEntry
        do {
          let waiting = Waiting {}
          removed = waiting
          entry = wheel.add(waiting, after: .seconds(3600))
        }
        #expect(removed != nil)
        wheel.remove(entry)
        #expect(removed == nil)
        _ = wheel.add(
          Waiting {
            #expect(wheel.count == 0)
            done.resume()
          }, after: .milliseconds(1))
      }
    }
    loop.stop()
  }

  /// Many deadlines at the same time don't keep the loop from what else there is.
  @Test func manyDeadlinesLetOthersPass() async {
    let loop = EventLoop(name: "wheel")
    let passed = Mutex<[Int]>([])
    let passedBefore = Mutex<Int?>(nil)
    await withCheckedContinuation { done in
      loop.execute {
        let wheel = DeadlineWheel(loop: loop)
        let kept = (0..<40).map { index in
          Waiting {
            let begun = MonotonicTime.nanoseconds()
            while MonotonicTime.nanoseconds() - begun < 200_000 {}
            let count = passed.withLock { passed -> Int in
              passed.append(index)
              return passed.count
            }
            if count == 1 {
              loop.execute { passedBefore.withLock { $0 = passed.withLock { $0.count } } }
            }
            if count == 39 { loop.schedule(after: .milliseconds(20)) { done.resume() } }
          }
        }
        var entries = kept.map { wheel.add($0, after: .milliseconds(2)) }
        // One of those that are due is removed in time.
        wheel.remove(entries.removeLast())
        loop.schedule(after: .seconds(2)) { _ = (kept.count, wheel.count) }
      }
    }
    #expect(passed.withLock { $0.count } == 39 && passed.withLock { Set($0).count } == 39)
    #expect(passedBefore.withLock { $0 ?? 39 } < 20)
    loop.stop()
  }
}
