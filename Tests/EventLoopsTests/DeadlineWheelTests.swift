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
}
