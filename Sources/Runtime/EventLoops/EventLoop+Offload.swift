internal import CUV

extension EventLoop {
  /// Runs `work`, which may block, on a thread of libuv's, and `done` with its result on the loop.
  /// Call it on the loop. `done` is called once, never before this returns. A loop that stops waits
  /// for the work and drops `done`.
  package func offload<Value: Sendable>(
    _ work: @escaping @Sendable () -> Value, _ done: @escaping (Value) -> Void
  ) {
    assert(isCurrent)
    let result = OffloadResult<Value>()
    OffloadedWork(
      work: { result.value = work() },
      done: { [unowned self] in
        guard !isStopping, let value = result.value else { return }
        done(value)
      }
    ).begin(on: self)
  }
}

/// Where a thread leaves what the loop takes.
private final class OffloadResult<Value>: @unchecked Sendable {
  // @unchecked: written by the worker, read on the loop after libuv has told it of the end.
  var value: Value?
}

/// One ``EventLoop/offload(_:_:)``.
@safe private final class OffloadedWork {
  private let work: () -> Void
  private let done: () -> Void

  init(work: @escaping () -> Void, done: @escaping () -> Void) {
    self.work = work
    self.done = done
  }

  func begin(on loop: EventLoop) {
    let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
    unsafe request.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe uv_queue_work(loop.handle, request, workBegan, workEnded)
    precondition(code == 0, "uv_queue_work: \(code)")
  }

  fileprivate func run() { work() }

  fileprivate func finish() { done() }
}

private func workBegan(_ request: UnsafeMutablePointer<uv_work_t>?) {
  guard let data = unsafe request?.pointee.data else { return }
  unsafe Unmanaged<OffloadedWork>.fromOpaque(data).takeUnretainedValue().run()
}

private func workEnded(_ request: UnsafeMutablePointer<uv_work_t>?, status: Int32) {
  guard let request = unsafe request, let data = unsafe request.pointee.data else { return }
  let work = unsafe Unmanaged<OffloadedWork>.fromOpaque(data).takeRetainedValue()
  unsafe request.deallocate()
  work.finish()
}
