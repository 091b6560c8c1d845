internal import CUV

/// Watches for a signal. Use it on its loop only.
@safe package final class SignalWatch: UVHandleOwner {
  private var body: (() -> Void)?

  fileprivate init(
    loop: EventLoop, signal: Int32, body: @escaping () -> Void
  ) throws(EventLoopError) {
    self.body = body
    super.init()
    let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    unsafe _ = uv_signal_init(loop.handle, handle)
    unsafe adopt(handle)
    let code = unsafe uv_signal_start(handle, signalCame, signal)
    guard code == 0 else {
      closeHandle()
      throw EventLoopError("watch of signal \(signal)", code: code)
    }
  }

  /// Ends the watch. A second call does nothing.
  package func close() {
    body = nil
    closeHandle()
  }

  fileprivate func came() { body?() }

  override func closeAtStop() { close() }
}

private func signalCame(_ handle: UnsafeMutablePointer<uv_signal_t>?, signal: Int32) {
  unsafe _ = withOwner(of: handle?.pointee.data, as: SignalWatch.self) { $0.came() }
}

extension EventLoop {
  /// Calls `body` on the loop for each `signal` of the process. Call it on the loop.
  package func watch(
    signal: Int32, _ body: @escaping () -> Void
  ) throws(EventLoopError) -> SignalWatch {
    assert(isCurrent)
    return try SignalWatch(loop: self, signal: signal, body: body)
  }
}
