internal import CCurl
internal import EventLoops

/// The transfers of one client. Owns the `CURLM *` and frees it exactly once.
///
/// libcurl says which descriptors and which time it waits for; the loop watches both and calls back
/// in. All of it happens on the loop, but for the end of an owner that nobody uses any more.
@safe final class CurlMulti {
  private let handle: UnsafeMutableRawPointer
  private let loop: EventLoop
  private var watches: [Int32: FileWatch] = [:]
  private var timer: TimerHandle?
  /// Called after each turn with every transfer that ended in it.
  private let completed: (CurlEasy.ID, CURLcode) -> Void
  /// libcurl asked for a watch that could not be made: its transfers can't go on.
  private let broke: () -> Void

  /// Nil when there is no memory.
  init?(
    loop: EventLoop, connectionsKeptMax: Int,
    completed: @escaping (CurlEasy.ID, CURLcode) -> Void, broke: @escaping () -> Void
  ) {
    guard let handle = unsafe curl_multi_init() else { return nil }
    unsafe self.handle = handle
    self.loop = loop
    self.completed = completed
    self.broke = broke
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe check(CCurl_multi_set_socket_callback(handle, socketChanged))
    unsafe check(CCurl_multi_set_pointer(handle, CURLMOPT_SOCKETDATA, context))
    unsafe check(CCurl_multi_set_timer_callback(handle, timerChanged))
    unsafe check(CCurl_multi_set_pointer(handle, CURLMOPT_TIMERDATA, context))
    unsafe check(CCurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, connectionsKeptMax))
    unsafe check(CCurl_multi_set_long(handle, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING)))
  }

  deinit {
    // The clean-up closes kept connections; none of them has a watch, and no one is left to call.
    unsafe _ = CCurl_multi_set_socket_callback(handle, nil)
    unsafe _ = CCurl_multi_set_timer_callback(handle, nil)
    unsafe check(curl_multi_cleanup(handle))
  }

  /// Begins a transfer. False when there is no memory.
  func add(_ easy: borrowing CurlEasy) -> Bool {
    unsafe curl_multi_add_handle(handle, easy.raw) == CURLM_OK
  }

  /// Ends a transfer, complete or not; its connection is kept only when it is complete.
  func remove(_ easy: borrowing CurlEasy) {
    unsafe check(curl_multi_remove_handle(handle, easy.raw))
  }

  /// Ends the watches and the timer; call it on the loop before the last use.
  func close() {
    timer?.cancel()
    timer = nil
    for watch in watches.values { watch.close() }
    watches.removeAll()
  }

  private func turn(_ descriptor: curl_socket_t, _ ready: Int32) {
    var running: Int32 = 0
    let code = unsafe curl_multi_socket_action(handle, descriptor, ready, &running)
    reportCompleted()
    if code != CURLM_OK { broke() }
  }

  private func reportCompleted() {
    var ended: [(CurlEasy.ID, CURLcode)] = []
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(handle, &left) {
      guard unsafe message.pointee.msg == CURLMSG_DONE,
        let easy = unsafe message.pointee.easy_handle
      else { continue }
      ended.append((unsafe CurlEasy.id(of: easy), unsafe message.pointee.data.result))
    }
    // Only now: the messages end with the handles that `completed` takes out.
    for (id, code) in ended { completed(id, code) }
  }

  fileprivate func setTimer(milliseconds: Int) {
    timer?.cancel()
    timer = nil
    guard milliseconds >= 0 else { return }
    timer = loop.schedule(after: .milliseconds(milliseconds)) { [weak self] in
      guard let self else { return }
      self.timer = nil
      self.turn(CCurl_socket_timeout(), 0)
    }
  }

  /// False when the watch could not be made.
  fileprivate func setWatch(_ descriptor: Int32, _ what: Int32) -> Bool {
    guard what != CURL_POLL_REMOVE else {
      watches.removeValue(forKey: descriptor)?.close()
      return true
    }
    var events: FileEvents = []
    if what & CURL_POLL_IN != 0 { events.insert(.readable) }
    if what & CURL_POLL_OUT != 0 { events.insert(.writable) }
    do {
      if let watch = watches[descriptor] {
        try watch.update(events)
      } else {
        watches[descriptor] = try loop.watch(fileDescriptor: descriptor, events) {
          [weak self] ready in
          var flags: Int32 = 0
          if ready.contains(.readable) { flags |= CURL_CSELECT_IN }
          if ready.contains(.writable) { flags |= CURL_CSELECT_OUT }
          self?.turn(descriptor, flags)
        }
      }
      return true
    } catch {
      return false
    }
  }

  private func check(_ code: CURLMcode) {
    precondition(code == CURLM_OK, "libcurl's multi handle: code \(code.rawValue)")
  }
}

private func socketChanged(
  _ easy: UnsafeMutableRawPointer?, descriptor: curl_socket_t, what: Int32,
  context: UnsafeMutableRawPointer?, socketContext: UnsafeMutableRawPointer?
) -> Int32 {
  guard let context = unsafe context else { return -1 }
  let multi = unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
  return multi.setWatch(descriptor, what) ? 0 : -1
}

private func timerChanged(
  _ multi: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let context = unsafe context else { return -1 }
  let multi = unsafe Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
  multi.setTimer(milliseconds: milliseconds)
  return 0
}
