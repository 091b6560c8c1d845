internal import CUV
internal import Synchronization

/// A thread beside a loop, for work that would hold up the loop and waits for nothing: to decode or
/// inflate a large message. It gives way to the loops where CPUs are few.
@safe final class SideThread: @unchecked Sendable {
  // @unchecked: `state` is locked; the pointers are set by `init` and used by libuv's own rules.

  /// One piece of work. What its end holds is let go on the loop: it may be of use there only.
  final class Work: @unchecked Sendable {
    // @unchecked: after `init` the end is used on the loop only.

    /// Done on the thread.
    let body: @Sendable () -> Void
    private var done: (@Sendable () -> Void)?

    init(body: @escaping @Sendable () -> Void, done: @escaping @Sendable () -> Void) {
      self.body = body
      self.done = done
    }

    /// On the loop, once.
    func end() {
      let done = done
      self.done = nil
      done?()
    }
  }

  private struct State {
    var queue = TurnQueue<Work>()
    var isStopping = false
  }

  private let state = Mutex(State())
  private let semaphore: UnsafeMutablePointer<uv_sem_t>
  private let thread: UnsafeMutablePointer<uv_thread_t>
  /// Takes what is done, on the thread.
  private let report: @Sendable (Work) -> Void

  init(report: @escaping @Sendable (Work) -> Void) {
    self.report = report
    unsafe semaphore = .allocate(capacity: 1)
    unsafe thread = .allocate(capacity: 1)
    let initialized = unsafe uv_sem_init(semaphore, 0)
    precondition(initialized == 0, "uv_sem_init: \(initialized)")
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let started = unsafe uv_thread_create(thread, runSideThread, context)
    precondition(started == 0, "uv_thread_create: \(started)")
  }

  deinit {
    unsafe uv_sem_destroy(semaphore)
    unsafe semaphore.deallocate()
    unsafe thread.deallocate()
  }

  /// Has `work` done after what waits already, but in turn with that of other owners. Whoever adds
  /// bounds how much waits.
  func add(_ work: Work, of owner: String) {
    state.withLock { $0.queue.append(work, of: owner) }
    unsafe uv_sem_post(semaphore)
  }

  /// Ends the thread after the work that it is at; gives what was not begun. To be called once.
  func stop() -> [Work] {
    state.withLock { $0.isStopping = true }
    unsafe uv_sem_post(semaphore)
    unsafe _ = uv_thread_join(thread)
    return state.withLock { state in
      var rest: [Work] = []
      while let work = state.queue.popFirst() { rest.append(work) }
      return rest
    }
  }

  fileprivate func run() {
    cuv_give_way()
    while true {
      unsafe uv_sem_wait(semaphore)
      let (work, isStopping) = state.withLock { state in
        (state.isStopping ? nil : state.queue.popFirst(), state.isStopping)
      }
      if isStopping { return }
      guard let work else { continue }
      work.body()
      report(work)
    }
  }
}

private func runSideThread(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let thread = unsafe Unmanaged<SideThread>.fromOpaque(context).takeRetainedValue()
  thread.run()
}

extension EventLoop {
  /// Does `work`, which takes long and waits for nothing, on a thread beside the loop, and then
  /// calls `done` on the loop. Call it on the loop.
  ///
  /// One owner's work is done in its order, that of several in turn: `owner` is the peer that has
  /// brought it. What `work` holds is let go on any thread, what `done` holds on the loop. `done`
  /// is called once, never before this returns. A loop that stops calls it although work that had
  /// not begun is not done.
  package func doAside(
    of owner: String, _ work: @escaping @Sendable () -> Void,
    _ done: @escaping @Sendable () -> Void
  ) {
    assert(isCurrent)
    guard !isStopping else { return execute(done) }
    let thread = side ?? SideThread { [unowned self] work in execute { work.end() } }
    side = thread
    thread.add(SideThread.Work(body: work, done: done), of: owner)
  }

  /// The same for a task, whichever thread it is on.
  package func doAside(of owner: String, _ work: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      let begin: @Sendable () -> Void = {
        self.doAside(of: owner, work) { continuation.resume() }
      }
      if isCurrent { begin() } else { execute(begin) }
    }
  }

  /// Has the thread beside the loop give back the end of its heap. Call it on the loop.
  func giveBackSideHeapEnd() {
    // No peer has this name; it comes in turn with what they have brought.
    side?.add(SideThread.Work(body: { FreeMemory.giveBackHeapEnd() }, done: {}), of: "")
  }

  /// The loop stops: nobody waits for what was not begun.
  func endSideWork() {
    guard let side else { return }
    self.side = nil
    for work in side.stop() { execute { work.end() } }
  }
}
