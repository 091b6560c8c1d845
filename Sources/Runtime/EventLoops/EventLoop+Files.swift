internal import CUV

/// What a file descriptor is ready for.
package struct FileEvents: OptionSet, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let readable = FileEvents(rawValue: Int32(UV_READABLE.rawValue))
  package static let writable = FileEvents(rawValue: Int32(UV_WRITABLE.rawValue))
  package static let disconnected = FileEvents(rawValue: Int32(UV_DISCONNECT.rawValue))
}

/// Watches a file descriptor that a C library owns. Use it on its loop only.
///
/// Close the watch before the descriptor is closed (uv_poll).
@safe package final class FileWatch: UVHandleOwner {
  private let poll: UnsafeMutablePointer<uv_poll_t>
  private var body: ((FileEvents) -> Void)?
  private var wanted: FileEvents = []

  fileprivate init(
    loop: EventLoop, fileDescriptor: Int32, body: @escaping (FileEvents) -> Void
  ) throws(EventLoopError) {
    unsafe poll = .allocate(capacity: 1)
    self.body = body
    super.init()
    let code = unsafe uv_poll_init(loop.handle, poll, fileDescriptor)
    guard code == 0 else {
      unsafe poll.deallocate()
      throw EventLoopError("watch of a file", code: code)
    }
    unsafe adopt(poll)
  }

  /// Watches for `events` from now on; an empty set pauses the watch.
  package func update(_ events: FileEvents) throws(EventLoopError) {
    guard body != nil else { return }
    wanted = events
    let code =
      events.isEmpty
      ? unsafe uv_poll_stop(poll) : unsafe uv_poll_start(poll, events.rawValue, fileReady)
    if code != 0 { throw EventLoopError("watch of a file", code: code) }
  }

  /// Ends the watch; the body is not called any more. A second call does nothing.
  package func close() {
    body = nil
    closeHandle()
  }

  fileprivate func ready(status: Int32, events: Int32) {
    guard status < 0 else {
      body?(FileEvents(rawValue: events))
      return
    }
    // libuv has ended the watch. An error is reported as ready for all, again and again: what came
    // ahead of it is read first, so that the owner may meet it with a later read or write only.
    if !wanted.isEmpty { unsafe _ = uv_poll_start(poll, wanted.rawValue, fileReady) }
    body?([.readable, .writable])
  }

  override func closeAtStop() { close() }
}

private func fileReady(_ poll: UnsafeMutablePointer<uv_poll_t>?, status: Int32, events: Int32) {
  unsafe _ = withOwner(of: poll?.pointee.data, as: FileWatch.self) {
    $0.ready(status: status, events: events)
  }
}

extension EventLoop {
  /// Calls `body` on the loop whenever `fileDescriptor` is ready for `events`. Call it on the loop.
  package func watch(
    fileDescriptor: Int32, _ events: FileEvents, _ body: @escaping (FileEvents) -> Void
  ) throws(EventLoopError) -> FileWatch {
    assert(isCurrent)
    let watch = try FileWatch(loop: self, fileDescriptor: fileDescriptor, body: body)
    do {
      try watch.update(events)
    } catch {
      watch.close()
      throw error
    }
    return watch
  }
}
