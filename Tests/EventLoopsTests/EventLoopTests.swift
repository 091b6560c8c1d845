import Glibc
import Synchronization
import Testing

@testable import EventLoops

/// How far others had come when the loop came to other work.
private final class Progress: Sendable {
  private let counts = Mutex<(done: Int, seen: Int?)>((0, nil))

  /// One more is done. The first one hands other work to `loop`.
  func advance(on loop: EventLoop) {
    let isFirst = counts.withLock { counts in
      counts.done += 1
      return counts.done == 1
    }
    if isFirst {
      loop.execute { self.counts.withLock { $0.seen = $0.done } }
    }
  }

  /// How many were done when the loop came to other work.
  var seen: Int? { counts.withLock { $0.seen } }
}

/// How often tasks had their turn, until they shall end.
private final class Turns: Sendable {
  let count = Atomic(0)
  let areOver = Atomic(false)
}

private actor Counter {
  nonisolated let loop: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
  private(set) var isOnLoop = true
  private var value = 0

  init(loop: EventLoop) { self.loop = loop }

  func increment() -> Int {
    isOnLoop = isOnLoop && loop.isCurrent
    value += 1
    return value
  }
}

struct EventLoopTests {
  @Test func actorAndTaskRunOnTheLoop() async {
    let loop = EventLoop(name: "test")
    let counter = Counter(loop: loop)
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<1000 { group.addTask { await counter.increment() } }
    }
    #expect(await counter.increment() == 1001)
    #expect(await counter.isOnLoop)
    let isCurrent = await withTaskExecutorPreference(loop) { loop.isCurrent }
    #expect(isCurrent)
    loop.stop()
  }

  @Test func timersFireInOrderAndCancelledOnesNever() async {
    let loop = EventLoop(name: "test")
    let fired = Mutex<[Int]>([])
    await withCheckedContinuation { done in
      loop.execute {
        loop.schedule(after: .milliseconds(3)) {
          fired.withLock { $0.append(3) }
          done.resume()
        }
        loop.schedule(after: .milliseconds(1)) { fired.withLock { $0.append(1) } }
        loop.schedule(after: .milliseconds(2)) { fired.withLock { $0.append(2) } }.cancel()
      }
    }
    #expect(fired.withLock { $0 } == [1, 3])
    loop.stop()
  }

  /// A loop that never sleeps starves neither its timers nor work from elsewhere, and it ends. When
  /// it may sleep is in `BusyPollTests`.
  @Test func busyPollingLoopRunsTimersAndWorkFromElsewhere() async {
    let loop = EventLoop(name: "test", busyPoll: .seconds(3600))
    await withCheckedContinuation { done in
      loop.execute { loop.schedule(after: .milliseconds(5)) { done.resume() } }
    }
    let counter = Counter(loop: loop)
    for number in 1...100 { #expect(await counter.increment() == number) }
    loop.stop()
  }

  /// A timer that is due when libuv is entered runs before the poll: what it resumes on the loop
  /// must not wait for the next event.
  @Test func jobsOfATimerRunBeforeTheLoopWaits() async {
    let loop = EventLoop(name: "test")
    let counter = Counter(loop: loop)
    for _ in 0..<2000 {
      await withTaskExecutorPreference(loop) {
        await withCheckedContinuation { continuation in
          loop.execute { loop.schedule(after: .zero) { continuation.resume() } }
        }
        _ = await counter.increment()
      }
    }
    #expect(await counter.increment() == 2001)
    loop.stop()
  }

  /// Keeps the thread busy.
  private static func work(for duration: Duration) {
    let begun = MonotonicTime.nanoseconds()
    while MonotonicTime.nanoseconds() - begun < duration.wholeNanoseconds {}
  }

  /// Many jobs at hand don't keep the loop from what else there is.
  @Test func jobsLetOthersPass() async {
    let loop = EventLoop(name: "test")
    let progress = Progress()
    await withTaskExecutorPreference(loop) {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<100 {
          group.addTask {
            Self.work(for: .microseconds(200))
            progress.advance(on: loop)
          }
        }
      }
    }
    #expect(progress.seen ?? 100 < 50)
    loop.stop()
  }

  /// The same for jobs of which each enqueues the next one.
  @Test func aChainOfJobsLetsOthersPass() async {
    let loop = EventLoop(name: "test")
    let progress = Progress()
    let (steps, step) = AsyncStream.makeStream(of: Int.self)
    let (answers, answer) = AsyncStream.makeStream(of: Int.self)
    await withTaskExecutorPreference(loop) {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { for await index in steps { answer.yield(index) } }
        group.addTask {
          step.yield(0)
          for await index in answers {
            Self.work(for: .microseconds(200))
            progress.advance(on: loop)
            guard index < 100 else { return step.finish() }
            step.yield(index + 1)
          }
        }
      }
    }
    #expect(progress.seen ?? 100 < 50)
    loop.stop()
  }

  @Test func nextTickComesAfterThePoll() async {
    let loop = EventLoop(name: "test")
    let ticks = await withTaskExecutorPreference(loop) {
      let before = loop.tickNumber
      for _ in 0..<3 { await loop.nextTick() }
      return loop.tickNumber - before
    }
    #expect(ticks == 3)
    // Elsewhere there is nothing to wait for.
    await loop.nextTick()
    loop.stop()
  }

  @Test func whatIsNewComesBeforeTasksThatHaveMuchToDo() async {
    let loop = EventLoop(name: "test")
    let turns = Turns()
    let passed = await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<50 {
        group.addTask(executorPreference: loop) {
          while !turns.areOver.load(ordering: .relaxed) {
            Self.work(for: .microseconds(200))
            turns.count.add(1, ordering: .relaxed)
            await loop.nextTick()
          }
          return nil
        }
      }
      group.addTask(executorPreference: loop) {
        var passed = 0
        for _ in 0..<10 {
          let before = await withCheckedContinuation { new in
            loop.execute { new.resume(returning: turns.count.load(ordering: .relaxed)) }
          }
          passed = max(passed, turns.count.load(ordering: .relaxed) - before)
        }
        turns.areOver.store(true, ordering: .relaxed)
        return passed
      }
      return await group.reduce(0) { $0 + ($1 ?? 0) }
    }
    #expect(passed < 10)
    loop.stop()
  }

  /// Who waits for the next tick when the loop ends gets it.
  @Test func stopLetsWaitingTasksEnd() async {
    let loop = EventLoop(name: "test")
    let (begun, begin) = AsyncStream.makeStream(of: Void.self)
    let hasEnded = await withTaskGroup(of: Bool.self) { group in
      group.addTask(executorPreference: loop) {
        begin.yield()
        for _ in 0..<1000 { await loop.nextTick() }
        return true
      }
      for await _ in begun { break }
      loop.stop()
      return await group.next() ?? false
    }
    #expect(hasEnded)
  }

  @Test func cancelledSleepEndsAtOnce() async {
    let loop = EventLoop(name: "test")
    let result = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        do {
          try await loop.sleep(for: .seconds(3600))
          return true
        } catch {
          return false
        }
      }
      group.cancelAll()
      return await group.next()
    }
    #expect(result == false)
    loop.stop()
  }

  @Test func watchSeesAReadablePipe() async throws {
    let loop = EventLoop(name: "test")
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    let (readEnd, writeEnd) = (ends[0], ends[1])
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      loop.execute {
        var watch: FileWatch?
        watch = try? loop.watch(fileDescriptor: readEnd, .readable) { events in
          #expect(events.contains(.readable))
          watch?.close()
          watch = nil
          done.resume()
        }
        #expect(unsafe write(writeEnd, "x", 1) == 1)
      }
    }
    loop.stop()
    close(readEnd)
    close(writeEnd)
  }

  @Test(.timeLimit(.minutes(1)))
  func watchTellsOfAnErrorUntilItsOwnerMeetsIt() async throws {
    let loop = EventLoop(name: "test")
    var ends: [Int32] = [0, 0]
    #expect(unsafe pipe(&ends) == 0)
    let (readEnd, writeEnd) = (ends[0], ends[1])
    // Nobody reads any more: the other end has an error.
    close(readEnd)
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      loop.execute {
        var watch: FileWatch?
        var count = 0
        watch = try? loop.watch(fileDescriptor: writeEnd, .writable) { events in
          #expect(events.contains(.writable))
          count += 1
          guard count == 3 else { return }
          watch?.close()
          watch = nil
          done.resume()
        }
      }
    }
    loop.stop()
    close(writeEnd)
  }

  @Test func stopClosesWhatIsStillOpen() async {
    let loop = EventLoop(name: "test")
    await withTaskExecutorPreference(loop) {
      _ = loop.schedule(after: .seconds(3600)) { Issue.record("the timer fired") }
    }
    loop.stop()
    loop.stop()
  }

  @Test(arguments: [
    (Duration.milliseconds(1), UInt64(1)), (.microseconds(1), 1), (.zero, 0), (.seconds(-1), 0),
    (.milliseconds(1) + .nanoseconds(1), 2), (.seconds(2), 2000),
  ])
  func durationsRoundUp(duration: Duration, milliseconds: UInt64) {
    #expect(duration.wholeMilliseconds == milliseconds)
  }
}

@Suite(.timeLimit(.minutes(1))) struct OffloadTests {
  @Test func workRunsElsewhereAndItsEndOnTheLoop() async {
    let loop = EventLoop(name: "offload")
    let (wasOnLoop, isOnLoop) = await withCheckedContinuation { continuation in
      loop.execute {
        loop.offload({ loop.isCurrent }) { continuation.resume(returning: ($0, loop.isCurrent)) }
      }
    }
    #expect(!wasOnLoop && isOnLoop)
    loop.stop()
  }

  @Test func aLoopThatStopsWaitsForWorkThatGoesOnForEver() async {
    let loop = EventLoop(name: "offload")
    let count = Atomic(0)
    @Sendable func again() {
      loop.offload({ count.add(1, ordering: .relaxed) }, { _ in again() })
    }
    await withCheckedContinuation { began in
      loop.execute {
        again()
        began.resume()
      }
    }
    loop.stop()
    #expect(count.load(ordering: .relaxed) > 0)
  }
}
