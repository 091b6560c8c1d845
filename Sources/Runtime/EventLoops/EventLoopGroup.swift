/// Loops of one purpose, one thread each.
package final class EventLoopGroup: Sendable {
  package let loops: [EventLoop]

  /// Makes and starts `count` loops, named "name-0" and so on. They give memory that nobody uses
  /// back to the system in quiet times.
  package init(name: String, count: Int, busyPoll: Duration = .zero) {
    precondition(count > 0, "a group of \(count) loops")
    loops = (0..<count).map { EventLoop(name: "\(name)-\($0)", busyPoll: busyPoll) }
    for (index, loop) in loops.enumerated() {
      loop.execute { FreeMemory.giveBackRegularly(on: loop, isFirst: index == 0) }
    }
  }

  /// Ends all loops and waits for their threads.
  package func stop() {
    for loop in loops { loop.stop() }
  }
}
