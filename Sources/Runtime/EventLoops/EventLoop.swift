internal import CUV
internal import Glibc
internal import Synchronization

/// Something with work to do once at the end of a loop's tick, as a connection with output.
package protocol EndOfTickHandler: AnyObject {
  /// Called on the loop after the tick's jobs ran.
  func tickEnded()
}

/// One libuv loop on one thread, as a task executor and a serial executor.
///
/// An actor whose `unownedExecutor` is the loop, and a task whose preferred executor is the loop,
/// run on the loop's thread. Enqueuing from that thread takes no lock and wakes nobody. One tick
/// is: wait for events and run their callbacks, run the jobs they enqueued, call the
/// ``EndOfTickHandler``s. A read that left room is answered before the next socket is read, unless
/// several wait for the tick's end.
///
/// A loop runs from ``init(name:busyPoll:)`` until ``stop()``. A job enqueued after the stop traps,
/// unless ``abandonLateWork()`` was called: then it is never run.
@safe package final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
  // @unchecked: `remote` and `state` are locked; all other state is touched only on the loop's
  // thread, after `init` has handed it over.

  /// For logs and debuggers.
  package let name: String

  private struct Remote {
    var jobs: [UnownedJob] = []
    var work: [@Sendable () -> Void] = []
    var isWoken = false
    /// Whether the handle that wakes the loop is closed; the loop looks by itself then.
    var isClosed = false
    var isStopping = false
    var hasStopped = false
    /// Whether what comes after the stop is kept and never run, and what came.
    var keepsLateWork = false
    var lateWork: [@Sendable () -> Void] = []
  }

  private let remote = Mutex(Remote())
  /// Whether there is something in ``remote``: asked in each tick, where the lock would cost more.
  private let hasRemote = Atomic(false)
  /// The loop's thread, written by it; 0 before it runs and after it ended.
  private let threadID = Atomic<UInt>(0)
  private let raw: UnsafeMutablePointer<uv_loop_t>
  private let wakeUp: UnsafeMutablePointer<uv_async_t>
  /// Before each poll, ``beforePoll()`` looks whether there is work at hand.
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  /// While it is active a poll does not wait.
  private let idle: UnsafeMutablePointer<uv_idle_t>
  private let loopThread: UnsafeMutablePointer<uv_thread_t>
  /// Lent to one connection at a time, for one read.
  let readBuffer: UnsafeMutableRawBufferPointer
  private var localJobs: [UnownedJob] = []
  private var endOfTick: [any EndOfTickHandler] = []
  /// Counts ticks, from 1.
  private(set) var tickNumber: UInt64 = 1
  var turns = TickTurns()
  /// Sockets that libuv does not read from until the tick is over.
  var resting: [StreamSocket] = []
  /// Tasks that wait for the next tick, from ``yieldedHead`` on.
  private var yielded: [CheckedContinuation<Void, Never>] = []
  private var yieldedHead = 0
  /// Whether there was work since the last tick began, which is done by now.
  private var hasEndedTickEarly = false
  /// Whether the loop runs what is at hand and no more.
  private(set) var isStopping = false
  /// Made when it is first needed.
  var side: SideThread?

  /// Used on the loop's thread only.
  private var busyPoll: BusyPoll

  /// Makes the loop and starts its thread.
  ///
  /// With `busyPoll` the loop asks for events without sleeping for that long after it had work: a
  /// wake-up less on the way of each answer, for a CPU that is busy meanwhile.
  ///
  /// The process ignores SIGPIPE from then on: a write to a peer that is gone is an error of that
  /// connection (EPIPE), not the end of the process. libuv leaves that to its users.
  package init(name: String, busyPoll: Duration = .zero) {
    self.name = name
    self.busyPoll = BusyPoll(busyPoll)
    _ = signal(SIGPIPE, SIG_IGN)
    unsafe raw = .allocate(capacity: 1)
    unsafe wakeUp = .allocate(capacity: 1)
    unsafe prepare = .allocate(capacity: 1)
    unsafe idle = .allocate(capacity: 1)
    unsafe loopThread = .allocate(capacity: 1)
    unsafe readBuffer = .allocate(byteCount: ReadTurn.sizeMax, alignment: 16)
    let initialized = unsafe uv_loop_init(raw)
    precondition(initialized == 0, "uv_loop_init: \(initialized)")
    let asyncInitialized = unsafe uv_async_init(raw, wakeUp) { _ in }
    precondition(asyncInitialized == 0, "uv_async_init: \(asyncInitialized)")
    initializePollGuards()
    // libuv leaves `data` alone; at the stop it tells our handles from libuv's own.
    unsafe wakeUp.pointee.data = nil
    localJobs.reserveCapacity(256)
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let started = unsafe uv_thread_create(loopThread, runEventLoop, context)
    precondition(started == 0, "uv_thread_create: \(started)")
  }

  deinit {
    unsafe wakeUp.deallocate()
    unsafe prepare.deallocate()
    unsafe idle.deallocate()
    unsafe raw.deallocate()
    unsafe loopThread.deallocate()
    unsafe readBuffer.deallocate()
  }

  /// The libuv loop, for the other files of this module; use it on the loop only.
  var handle: UnsafeMutablePointer<uv_loop_t> { unsafe raw }

  /// Whether the caller is on the loop's thread.
  package var isCurrent: Bool {
    threadID.load(ordering: .relaxed) == UInt(uv_thread_self())
  }

  /// Traps when the caller is not on the loop's thread.
  package func preconditionIsCurrent() {
    precondition(isCurrent, "not on event loop \(name)")
  }

  // MARK: Executor

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      localJobs.append(job)
      return
    }
    let mustWake = remote.withLock { remote in
      if remote.hasStopped, remote.keepsLateWork { return false }
      precondition(!remote.hasStopped, "a job was enqueued on event loop \(name) after its stop")
      remote.jobs.append(job)
      hasRemote.store(true, ordering: .releasing)
      defer { remote.isWoken = true }
      return !remote.isWoken
    }
    if mustWake { unsafe _ = uv_async_send(wakeUp) }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    unsafe UnownedSerialExecutor(ordinary: self)
  }

  package func checkIsolated() { preconditionIsCurrent() }

  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Runs `work` on the loop's thread, in the order of calls from one thread.
  package func execute(_ work: @escaping @Sendable () -> Void) {
    let mustWake = remote.withLock { remote in
      if remote.hasStopped, remote.keepsLateWork {
        remote.lateWork.append(work)
        return false
      }
      precondition(!remote.hasStopped, "work was handed to event loop \(name) after its stop")
      remote.work.append(work)
      hasRemote.store(true, ordering: .releasing)
      defer { remote.isWoken = true }
      return !remote.isWoken
    }
    if mustWake { unsafe _ = uv_async_send(wakeUp) }
  }

  /// Calls `handler` once when this tick's jobs have run. Call it on the loop.
  package func callAtEndOfTick(_ handler: any EndOfTickHandler) {
    assert(isCurrent)
    endOfTick.append(handler)
  }

  /// Suspends the caller until the loop has looked at its sockets: for a task with much to do at
  /// hand. Such tasks go on one after another, and what is new comes before them. Call it on the
  /// loop; elsewhere it returns at once.
  package func nextTick() async {
    guard isCurrent else { return }
    await withCheckedContinuation { yielded.append($0) }
  }

  /// Ends a tick within a callback: runs the jobs at hand and calls the ``EndOfTickHandler``s.
  /// Calls that are answered one connection after another use the same memory again.
  func endTickEarly() {
    // Whoever waits for a later tick has its turn then.
    guard endOfTick.count <= 1 else { return }
    hasEndedTickEarly = true
    // Jobs may be long, and sockets that brought little many: together they have a tick's time.
    if let times = runJobs() { turns.noteWork(from: times.begun, to: times.ended) }
    callEndOfTickHandlers()
  }

  /// Gives up tasks that ignored their cancellation: what they enqueue after ``stop()`` is never
  /// run, where it would trap otherwise. For the end of a process that can't wait for them.
  package func abandonLateWork() {
    // Closures are kept, since a continuation that is dropped complains; there are few.
    remote.withLock { $0.keepsLateWork = true }
  }

  /// Ends the loop after the jobs at hand, and waits for its thread. A second call does nothing.
  ///
  /// Watches, timers and sockets that are still open are closed without their callbacks.
  package func stop() {
    precondition(!isCurrent, "event loop \(name) can't wait for itself")
    let isFirst = remote.withLock { remote in
      defer { remote.isStopping = true }
      hasRemote.store(true, ordering: .releasing)
      return !remote.isStopping
    }
    guard isFirst else { return }
    unsafe _ = uv_async_send(wakeUp)
    unsafe _ = uv_thread_join(loopThread)
  }

  // MARK: The thread

  private func initializePollGuards() {
    unsafe _ = uv_prepare_init(raw, prepare)
    unsafe _ = uv_idle_init(raw, idle)
    unsafe prepare.pointee.data = nil
    unsafe idle.pointee.data = nil
    unsafe raw.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    unsafe _ = uv_prepare_start(prepare, pollComes)
    // It must not keep a loop from being idle.
    unsafe uv_unref(UnsafeMutableRawPointer(prepare).assumingMemoryBound(to: uv_handle_t.self))
  }

  /// libuv runs due timers before it polls: jobs that they enqueued must not wait for the poll.
  fileprivate func beforePoll() {
    guard !localJobs.isEmpty || !endOfTick.isEmpty else { return }
    unsafe _ = uv_idle_start(idle) { _ in }
  }

  fileprivate func run() {
    threadID.store(UInt(uv_thread_self()), ordering: .relaxed)
    while !isStopping {
      let hasWork = hasEndedTickEarly || !localJobs.isEmpty || !endOfTick.isEmpty
      hasEndedTickEarly = false
      let yieldedEnd = yielded.count
      runJobs()
      callEndOfTickHandlers()
      resumeYielded(upTo: yieldedEnd)
      var mustWait = localJobs.isEmpty && endOfTick.isEmpty && yielded.isEmpty
      if !busyPoll.isOff, !busyPoll.maySleep(hadWork: hasWork, at: uv_hrtime()) { mustWait = false }
      unsafe _ = uv_run(raw, mustWait ? UV_RUN_ONCE : UV_RUN_NOWAIT)
      unsafe _ = uv_idle_stop(idle)
      endReads()
      takeRemote()
    }
    runJobs()
    callEndOfTickHandlers()
    endSideWork()
    closeHandles()
    // What was enqueued up to here may be cleaning up; it runs before the door closes.
    var isDone = false
    while !isDone {
      resumeYielded(upTo: yielded.count)
      takeRemote()
      runJobs()
      isDone = remote.withLock { remote in
        guard remote.jobs.isEmpty, remote.work.isEmpty, localJobs.isEmpty, yielded.isEmpty
        else { return false }
        remote.hasStopped = true
        return true
      }
    }
    threadID.store(0, ordering: .relaxed)
  }

  private func takeRemote() {
    // It is set before the loop is woken, so that the tick that follows finds it.
    guard hasRemote.load(ordering: .acquiring) else { return }
    let (jobs, work, stopping) = remote.withLock { remote in
      hasRemote.store(false, ordering: .relaxed)
      defer {
        remote.jobs.removeAll(keepingCapacity: true)
        remote.work.removeAll(keepingCapacity: true)
        remote.isWoken = remote.isClosed
      }
      return (remote.jobs, remote.work, remote.isStopping)
    }
    localJobs.append(contentsOf: jobs)
    for item in work { item() }
    isStopping = stopping
  }

  /// Runs the jobs at hand, and those that they enqueue, up to ``jobsTimeMax``; gives when, or
  /// `nil` without any.
  @discardableResult private func runJobs() -> (begun: UInt64, ended: UInt64)? {
    guard !localJobs.isEmpty else { return nil }
    // As a task executor's: a task that prefers the loop goes on at once after each await, where an
    // actor's place would have to be left first. An actor on the loop is on its thread as well.
    let executor = unsafe asUnownedTaskExecutor()
    let begun = uv_hrtime()
    var now = begun
    var done = 0
    while done < localJobs.count, now - begun <= jobsNanoseconds {
      unsafe localJobs[done].runSynchronously(on: executor)
      done += 1
      now = uv_hrtime()
    }
    if done == localJobs.count {
      localJobs.removeAll(keepingCapacity: true)
    } else {
      // What was enqueued meanwhile comes after the rest.
      localJobs.removeFirst(done)
    }
    return (begun, now)
  }

  /// After so much time with jobs a tick looks at its sockets and timers again.
  private static let jobsTimeMax = Duration.microseconds(500)
  private let jobsNanoseconds = jobsTimeMax.wholeNanoseconds
  /// While more jobs than these are left over, sockets bring little new work.
  private static let jobsLeftMax = 256
  /// The same for what is done at the end of a tick.
  private static let endTimeMax = Duration.microseconds(500)
  private let endNanoseconds = endTimeMax.wholeNanoseconds

  private func callEndOfTickHandlers() {
    let count = endOfTick.count
    guard count > 0 else { return }
    // Nearly always there is one, since each read ends its tick: it is moved out and not copied.
    guard count > 1 else { return endOfTick.removeLast().tickEnded() }
    let begun = uv_hrtime()
    var done = 0
    // Those that ask meanwhile wait for the next time.
    repeat {
      endOfTick[done].tickEnded()
      done += 1
    } while done < count && (done % 2 == 1 || uv_hrtime() - begun <= endNanoseconds)
    endOfTick.removeFirst(done)
  }

  /// Lets tasks with much to do go on, at least one of them, and more up to ``jobsTimeMax``: those
  /// that had yielded before the last poll.
  private func resumeYielded(upTo end: Int) {
    guard yieldedHead < end else { return }
    let begun = uv_hrtime()
    repeat {
      yielded[yieldedHead].resume()
      yieldedHead += 1
      runJobs()
    } while yieldedHead < end && uv_hrtime() - begun < jobsNanoseconds
    // Each moves once for each that went on.
    guard yieldedHead >= yielded.count / 2 else { return }
    yielded.removeFirst(yieldedHead)
    yieldedHead = 0
  }

  private func endReads() {
    turns.tickEnded(isBehind: localJobs.count + yielded.count - yieldedHead > Self.jobsLeftMax)
    tickNumber += 1
    guard !resting.isEmpty else { return }
    for socket in resting { socket.endRest() }
    resting.removeAll()
  }

  private func closeHandles() {
    remote.withLock { remote in
      remote.isClosed = true
      remote.isWoken = true
    }
    unsafe uv_walk(
      raw,
      { handle, _ in
        guard let handle = unsafe handle, unsafe uv_is_closing(handle) == 0 else { return }
        unsafe closeAtStop(handle)
      }, nil)
    unsafe _ = uv_run(raw, UV_RUN_DEFAULT)
    let closed = unsafe uv_loop_close(raw)
    precondition(closed == 0, "uv_loop_close: \(closed)")
  }
}

/// Closes what is still open when its loop ends: ours through their owner, libuv's own directly.
private func closeAtStop(_ handle: UnsafeMutablePointer<uv_handle_t>) {
  if let data = unsafe handle.pointee.data {
    let owner = unsafe Unmanaged<UVHandleOwner>.fromOpaque(data).takeUnretainedValue()
    owner.closeAtStop()
  } else {
    unsafe uv_close(handle, nil)
  }
}

private func runEventLoop(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let loop = unsafe Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue()
  loop.run()
}

/// libuv is about to poll.
private func pollComes(_ prepare: UnsafeMutablePointer<uv_prepare_t>?) {
  guard let data = unsafe prepare?.pointee.loop.pointee.data else { return }
  unsafe Unmanaged<EventLoop>.fromOpaque(data)._withUnsafeGuaranteedRef { $0.beforePoll() }
}
