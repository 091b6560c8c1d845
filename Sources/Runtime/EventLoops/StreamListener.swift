internal import CUV
internal import Glibc

/// Accepts connections on one loop. Use it there only. It lives until it is closed.
///
/// Several loops may listen at the same TCP address (SO_REUSEPORT): the kernel spreads the
/// connections. A unix socket or a descriptor that was bound elsewhere is one
/// ``ListeningSocket`` that all loops share; then the first that wakes accepts.
///
/// No failed accept ends it. When the process or the system is out of descriptors or memory it
/// pauses for ``acceptPause``; clients wait in the kernel's queue meanwhile.
@safe package final class StreamListener {
  /// How long it waits before it accepts again when there were no descriptors.
  package static let acceptPause = Duration.milliseconds(100)
  /// How many connections it accepts before it looks at other sockets again.
  static let acceptsPerTickMax = 16

  private let loop: EventLoop
  private var socket: ListeningSocket?
  private var accepted: ((StreamSocket) -> Void)?
  private var watch: FileWatch?
  private var pauseTimer: TimerHandle?
  private var isPaused = false
  /// Where it listens, with the port that the system chose if none was given.
  package let address: SocketAddress
  /// How often an accept failed: a connection that was gone already, or no descriptors.
  package private(set) var acceptErrorCount = 0
  /// How often accepting paused for want of descriptors or memory.
  package private(set) var acceptPauseCount = 0

  fileprivate init(
    loop: EventLoop, socket: ListeningSocket, accepted: @escaping (StreamSocket) -> Void
  ) throws(EventLoopError) {
    self.loop = loop
    self.socket = socket
    self.accepted = accepted
    address = socket.address
    // The watch keeps the listener alive until it is closed, here or by the loop's end.
    watch = try loop.watch(fileDescriptor: socket.descriptor, .readable) { _ in
      self.acceptAll()
    }
  }

  /// Accepts nothing more until ``resumeAccepting()``; the kernel's queue fills.
  package func pauseAccepting() {
    isPaused = true
    setWatching(false)
  }

  /// Accepts again, after ``pauseAccepting()``.
  package func resumeAccepting() {
    isPaused = false
    if pauseTimer == nil { setWatching(true) }
  }

  /// The first step of an end that fails nobody: new connections go to others that listen at the
  /// address, while those that have begun may still come.
  ///
  /// A kernel resets what waits at a listener that closes, and what has not finished its handshake.
  /// So whoever calls this goes on accepting for a round trip's time, then calls
  /// ``acceptRestAndClose()``. A client that tries meanwhile and is not heard tries again after a
  /// second, as TCP does. A socket that other processes may use too is left alone.
  package func refuseNew() {
    guard let socket, !socket.isShared else { return }
    // Without the filter the end is not as sure, and else the same.
    _ = cuv_drop_syn(socket.descriptor)
  }

  /// Accepts what waits, then closes.
  package func acceptRestAndClose() {
    if let socket {
      for _ in 0..<ListeningSocket.backlog {
        let descriptor = cuv_accept(socket.descriptor)
        if descriptor >= 0 {
          take(descriptor, isUnix: socket.address.isUnix)
        } else if AcceptFailure(errno: errno) != .ofOneConnection {
          break
        }
      }
    }
    close()
  }

  /// Accepts no more. A second call does nothing.
  package func close() {
    accepted = nil
    watch?.close()
    watch = nil
    pauseTimer?.cancel()
    pauseTimer = nil
    socket = nil
  }

  private func setWatching(_ isWatching: Bool) {
    do {
      try watch?.update(isWatching ? .readable : [])
    } catch {
      // The descriptor is ours and open: epoll can only be out of memory. Later, then.
      acceptErrorCount += 1
      if isWatching { pause() }
    }
  }

  private func acceptAll() {
    guard let socket else { return }
    let begun = uv_hrtime()
    defer { loop.turns.noteWork(from: begun, to: uv_hrtime()) }
    // Of a shared socket one at a time, or the first loop that wakes would take them all.
    for _ in 0..<(socket.isShared ? 1 : Self.acceptsPerTickMax) {
      guard accepted != nil, !isPaused else { return }
      let descriptor = cuv_accept(socket.descriptor)
      if descriptor >= 0 {
        take(descriptor, isUnix: socket.address.isUnix)
        continue
      }
      switch AcceptFailure(errno: errno) {
      case .empty: return
      case .ofOneConnection: acceptErrorCount += 1
      case .noResources:
        acceptErrorCount += 1
        return pause()
      }
    }
  }

  private func take(_ descriptor: Int32, isUnix: Bool) {
    let connection = StreamSocket(loop: loop, isUnix: isUnix)
    do {
      try connection.open(takingOwnershipOf: descriptor)
    } catch {
      acceptErrorCount += 1
      return connection.close()
    }
    if let accepted { accepted(connection) } else { connection.close() }
  }

  private func pause() {
    guard pauseTimer == nil else { return }
    acceptPauseCount += 1
    setWatching(false)
    pauseTimer = loop.schedule(after: Self.acceptPause) {
      self.pauseTimer = nil
      if !self.isPaused { self.setWatching(true) }
    }
  }
}

/// What an accept that failed asks for (accept(2), "Error handling").
enum AcceptFailure: Equatable {
  /// Nobody waits.
  case empty
  /// One connection is gone, or the network had an error for it; the next may be well.
  case ofOneConnection
  /// No descriptors or memory, or what no manual tells: to try at once again would spin.
  case noResources

  init(errno code: Int32) {
    switch code {
    case EAGAIN, EWOULDBLOCK: self = .empty
    case ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
      EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT:
      self = .ofOneConnection
    default: self = .noResources
    }
  }
}

extension EventLoop {
  /// Accepts connections at `address`; port 0 leaves the choice to the system. Call it on the loop.
  ///
  /// `accepted` owns each connection: it calls ``StreamSocket/start(_:)`` or closes it.
  package func listen(
    at address: SocketAddress, _ accepted: @escaping (StreamSocket) -> Void
  ) throws(EventLoopError) -> StreamListener {
    try listen(on: try ListeningSocket(at: address), accepted)
  }

  /// Accepts connections of `socket`, which other loops may share. Call it on the loop.
  package func listen(
    on socket: ListeningSocket, _ accepted: @escaping (StreamSocket) -> Void
  ) throws(EventLoopError) -> StreamListener {
    assert(isCurrent)
    return try StreamListener(loop: self, socket: socket, accepted: accepted)
  }
}
