package import Buffers
internal import CUV
internal import Glibc

/// What a ``StreamSocket`` tells its owner, on the loop.
package protocol StreamSocketDelegate: AnyObject {
  /// Bytes came. They are lent for the call only.
  func socketReceived(_ bytes: RawSpan)

  /// What ``StreamSocket/write(_:)`` left over is out: there is room again.
  func socketDrained()

  /// The peer sends no more (`nil`), or the connection broke. The owner closes.
  func socketEnded(_ error: EventLoopError?)
}

/// A connection over TCP or a unix stream socket on one loop, for life. Use it there only.
///
/// It has no buffer for reading (the loop lends one to all) and none for writing while the peer
/// keeps up, so an idle connection is small. It lives until it is closed.
@safe package final class StreamSocket: UVHandleOwner {
  let loop: EventLoop
  let stream: UnsafeMutablePointer<uv_stream_t>
  let isUnix: Bool
  private var writeRequest: UnsafeMutablePointer<uv_write_t>?
  /// What the socket did not take yet; libuv reads from it while `isWriting`.
  private var pending = ByteWriter()
  private var isWriting = false
  private var isReading = false
  /// Whether libuv does not read although the owner wants it to: until the tick's end.
  private var isResting = false
  var turn = ReadTurn()
  private var closesAfterWrite = false
  private(set) var isClosed = false
  private var delegate: (any StreamSocketDelegate)?

  /// Makes a connection without a socket; `connect` and ``StreamListener`` give it one.
  init(loop: EventLoop, isUnix: Bool) {
    self.loop = loop
    self.isUnix = isUnix
    if isUnix {
      let pipe = UnsafeMutablePointer<uv_pipe_t>.allocate(capacity: 1)
      unsafe _ = uv_pipe_init(loop.handle, pipe, 0)
      unsafe stream = UnsafeMutableRawPointer(pipe).assumingMemoryBound(to: uv_stream_t.self)
      super.init()
      unsafe adopt(pipe)
    } else {
      let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
      unsafe _ = uv_tcp_init(loop.handle, tcp)
      unsafe stream = UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
      super.init()
      unsafe adopt(tcp)
    }
  }

  deinit { unsafe writeRequest?.deallocate() }

  /// Takes a connected descriptor, which is closed when that fails.
  func open(takingOwnershipOf descriptor: Int32) throws(EventLoopError) {
    let code =
      isUnix ? unsafe uv_pipe_open(pipe, descriptor) : unsafe uv_tcp_open(tcp, descriptor)
    guard code != 0 else { return }
    _ = Glibc.close(descriptor)
    throw EventLoopError("open of a socket", code: code)
  }

  /// For TCP only.
  var tcp: UnsafeMutablePointer<uv_tcp_t> {
    unsafe UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_tcp_t.self)
  }

  private var pipe: UnsafeMutablePointer<uv_pipe_t> {
    unsafe UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_pipe_t.self)
  }

  /// The far end; `nil` once it is gone. A unix client mostly has no name.
  package var peerAddress: SocketAddress? { unsafe address(getpeername) }

  /// The near end; `nil` once the connection is closed.
  package var localAddress: SocketAddress? { unsafe address(getsockname) }

  private func address(
    _ get: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> SocketAddress? {
    guard let descriptor else { return nil }
    return unsafe SocketAddress.filled { unsafe get(descriptor, $0, $1) }
  }

  /// `nil` once the connection is closed.
  var descriptor: Int32? {
    guard !isClosed else { return nil }
    var descriptor: Int32 = -1
    let handle = unsafe UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_handle_t.self)
    return unsafe uv_fileno(handle, &descriptor) == 0 ? descriptor : nil
  }

  /// How many written bytes the socket has not taken yet.
  package var pendingByteCount: Int { pending.count }

  /// Starts reading, for `delegate`, which is kept alive until the connection is closed. Nagle's
  /// algorithm is off: who writes once per tick has nothing to gain from it.
  package func start(_ delegate: any StreamSocketDelegate) {
    self.delegate = delegate
    if !isUnix { unsafe _ = uv_tcp_nodelay(tcp, 1) }
    resumeReading()
  }

  /// Reads nothing more until ``resumeReading()``; the kernel's buffer fills, then the peer waits.
  package func pauseReading() {
    guard isReading else { return }
    isReading = false
    unsafe _ = uv_read_stop(stream)
  }

  /// Reads again, after ``pauseReading()``.
  package func resumeReading() {
    guard !isReading, !isClosed else { return }
    isReading = true
    let code = unsafe uv_read_start(stream, lendReadBuffer, bytesCame)
    if code != 0 { fail(EventLoopError("read", code: code)) }
  }

  /// Writes `bytes` now, as many as the socket takes, and keeps a copy of the rest.
  ///
  /// After ``SocketWrite/waiting`` the caller makes no more output until
  /// ``StreamSocketDelegate/socketDrained()``: that is what bounds this buffer.
  package func write(_ bytes: borrowing ByteWriter) -> SocketWrite {
    guard !isClosed else { return .lost }
    var taken = 0
    if pending.isEmpty {
      taken = unsafe bytes.withUnsafeBytes { unsafe writeNow($0) }
      if taken == bytes.count { return .out }
      if taken < 0 { return .lost }
    }
    unsafe bytes.withUnsafeBytes { all in
      unsafe pending.append(copying: UnsafeRawBufferPointer(rebasing: all[taken...]))
    }
    if !isWriting { writePending() }
    return .waiting
  }

  /// How many bytes the socket took; negative when the connection broke.
  private func writeNow(_ bytes: UnsafeRawBufferPointer) -> Int {
    var buffer = unsafe uv_buf_t(bytes)
    let code = unsafe uv_try_write(stream, &buffer, 1)
    if code >= 0 { return Int(code) }
    if code == UV_EAGAIN.rawValue { return 0 }
    fail(EventLoopError("write", code: code))
    return -1
  }

  private func writePending() {
    let request = unsafe writeRequest ?? .allocate(capacity: 1)
    unsafe writeRequest = unsafe request
    isWriting = true
    let code = unsafe pending.withUnsafeBytes { bytes in
      var buffer = unsafe uv_buf_t(bytes)
      return unsafe uv_write(request, stream, &buffer, 1, bytesWritten)
    }
    if code != 0 {
      isWriting = false
      fail(EventLoopError("write", code: code))
    }
  }

  fileprivate func written(status: Int32) {
    isWriting = false
    guard !isClosed else { return }
    if status != 0 { return fail(EventLoopError("write", code: status)) }
    pending.removeAll(keeping: 0)
    if closesAfterWrite { close() } else { delegate?.socketDrained() }
  }

  fileprivate func received(_ count: Int, _ buffer: UnsafePointer<uv_buf_t>) {
    // No room was lent: other sockets come first.
    if count == Int(UV_ENOBUFS.rawValue) { return }
    guard !isClosed, isReading else { return }
    if count > 0 {
      let isFull = unsafe count == Int(buffer.pointee.len)
      let bytes = unsafe UnsafeRawBufferPointer(start: buffer.pointee.base, count: count)
      if let delegate { unsafe hand(RawSpan(_unsafeBytes: bytes), to: delegate) }
      // Of room that was filled there may be more to read at once.
      if !isFull { loop.endTickEarly() }
    } else if count < 0 {
      pauseReading()
      let isEnd = count == Int(UV_EOF.rawValue)
      let error = isEnd ? nil : EventLoopError("read", code: Int32(count))
      if let delegate { handEnd(error, to: delegate) }
    }
  }

  /// Has the owner told, in a callback of its own, that the connection broke while `operation` was
  /// tried (EPROTO): what is spoken over it can't go on.
  package func breakOff(_ operation: String) {
    fail(EventLoopError(operation, code: UV_EPROTO.rawValue))
  }

  /// Tells the owner in a callback of its own, since the owner is in the middle of a call.
  private func fail(_ error: EventLoopError) {
    pauseReading()
    loop.schedule(after: .zero) { [weak self] in self?.delegate?.socketEnded(error) }
  }

  /// Has libuv ask no more in this tick.
  func rest() {
    guard isReading, !isResting else { return }
    isResting = true
    unsafe _ = uv_read_stop(stream)
    loop.resting.append(self)
  }

  /// The tick is over.
  func endRest() {
    isResting = false
    // The owner may have asked for it already.
    if isReading { unsafe _ = uv_read_start(stream, lendReadBuffer, bytesCame) }
  }

  /// Closes when what was written is out, or at once if all is.
  package func closeAfterWrite() {
    pauseReading()
    if pending.isEmpty { close() } else { closesAfterWrite = true }
  }

  /// Closes now; the owner is told nothing more. A second call does nothing.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    isReading = false
    delegate = nil
    closeHandle()
  }

  override func closeAtStop() { close() }
}

extension uv_buf_t {
  /// For writing only: libuv does not change what it writes.
  fileprivate init(_ bytes: UnsafeRawBufferPointer) {
    let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    unsafe self.init(base: base?.assumingMemoryBound(to: CChar.self), len: bytes.count)
  }
}

private func lendReadBuffer(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, size: Int, _ buffer: UnsafeMutablePointer<uv_buf_t>?
) {
  unsafe _ = withOwner(of: handle?.pointee.data, as: StreamSocket.self) { socket in
    guard let lent = unsafe socket.lendRoom() else {
      unsafe buffer?.pointee = unsafe uv_buf_t(base: nil, len: 0)
      return
    }
    unsafe buffer?.pointee = unsafe uv_buf_t(UnsafeRawBufferPointer(lent))
  }
}

private func bytesCame(
  _ stream: UnsafeMutablePointer<uv_stream_t>?, count: Int, _ buffer: UnsafePointer<uv_buf_t>?
) {
  guard let buffer = unsafe buffer else { return }
  unsafe _ = withOwner(of: stream?.pointee.data, as: StreamSocket.self) {
    unsafe $0.received(count, buffer)
  }
}

private func bytesWritten(_ request: UnsafeMutablePointer<uv_write_t>?, status: Int32) {
  unsafe _ = withOwner(of: request?.pointee.handle?.pointee.data, as: StreamSocket.self) {
    $0.written(status: status)
  }
}
