internal import CMicroHTTPD
internal import Glibc

/// The listening socket and its connections. Owns the `MHD_Daemon *` and stops it exactly once.
///
/// Its callbacks find the ``ServerCore`` that made it, which outlives it. All of it happens on the
/// core's loop, but for the making.
@safe struct MicroDaemon: ~Copyable {
  private let handle: OpaquePointer

  /// Starts to listen; connections are taken with the first ``run()``.
  init(address: ListenAddress, borrowing core: ServerCore) throws(HTTPServerError) {
    var options = unsafe CMicroHTTPD_options()
    unsafe options.connections_max = UInt32(clamping: core.configuration.connectionsMax)
    unsafe options.connection_memory = core.configuration.headerBytesMax
    unsafe options.context = Unmanaged.passUnretained(core).toOpaque()
    unsafe options.access = requestContinued
    unsafe options.completed = requestCompleted
    unsafe options.connection = connectionChanged
    unsafe options.begun = requestBegun
    errno = 0
    let handle = unsafe address.withPointer { pointer in
      unsafe options.address = pointer
      return unsafe CMicroHTTPD_start(&options)
    }
    guard let handle = unsafe handle else { throw .cannotListen(errno: errno) }
    unsafe self.handle = handle
  }

  /// No connection may be suspended now.
  deinit { unsafe MHD_stop_daemon(handle) }

  var port: UInt16 { unsafe CMicroHTTPD_port(handle) }

  /// Readable when ``run()`` has something to do.
  var descriptor: Int32 { unsafe CMicroHTTPD_epoll_descriptor(handle) }

  /// Does what can be done without waiting.
  func run() { unsafe _ = MHD_run(handle) }

  /// When to run again even if the descriptor says nothing; nil for never.
  var timeout: Duration? {
    var milliseconds: UInt64 = 0
    guard unsafe MHD_get_timeout(handle, &milliseconds) == .YES else { return nil }
    return .milliseconds(Int64(clamping: milliseconds))
  }

  /// Closes the listening socket; connections go on.
  func stopListening() {
    let descriptor = unsafe MHD_quiesce_daemon(handle)
    if descriptor >= 0 { Glibc.close(descriptor) }
  }
}

/// A connection of a daemon, borrowed: valid between its two notifications.
@safe struct MicroConnection {
  private let handle: OpaquePointer

  @unsafe fileprivate init(borrowing handle: OpaquePointer) { unsafe self.handle = handle }

  /// What the callbacks know it by.
  struct ID: Hashable {
    fileprivate let address: UInt
  }

  var id: ID { unsafe ID(address: UInt(bitPattern: handle)) }

  func suspend() { unsafe MHD_suspend_connection(handle) }
  func resume() { unsafe MHD_resume_connection(handle) }

  /// Lets the daemon see the end of the connection.
  func cut() {
    let descriptor = unsafe CMicroHTTPD_descriptor(handle)
    if descriptor >= 0 { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  func queue(_ response: HTTPServerResponse, closes: Bool) -> Bool {
    guard let copy = MicroResponse(copyOf: response, closes: closes) else { return false }
    return unsafe copy.queue(on: handle, status: response.status) == .YES
  }

  var headers: [HTTPServerRequest.Header] {
    let collector = HeaderCollector()
    withExtendedLifetime(collector) {
      let context = unsafe Unmanaged.passUnretained(collector).toOpaque()
      unsafe _ = MHD_get_connection_values_n(handle, .HEADER_KIND, headerFound, context)
    }
    return collector.headers
  }

  var peerAddress: String {
    guard let address = unsafe CMicroHTTPD_peer(handle) else { return "" }
    let raw = unsafe UnsafeRawPointer(address)
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    switch Int32(unsafe address.pointee.sa_family) {
    case AF_INET:
      var four = unsafe raw.loadUnaligned(as: sockaddr_in.self).sin_addr
      unsafe _ = inet_ntop(AF_INET, &four, &text, socklen_t(text.count))
    case AF_INET6:
      var six = unsafe raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      unsafe _ = inet_ntop(AF_INET6, &six, &text, socklen_t(text.count))
    default: return ""
    }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

private final class HeaderCollector {
  var headers: [HTTPServerRequest.Header] = []
}

private func headerFound(
  _ context: UnsafeMutableRawPointer?, kind: MHD_ValueKind, name: UnsafePointer<CChar>?,
  nameLength: Int, value: UnsafePointer<CChar>?, valueLength: Int
) -> MHD_Result {
  guard let context = unsafe context else { return .NO }
  let collector = unsafe Unmanaged<HeaderCollector>.fromOpaque(context).takeUnretainedValue()
  let name = unsafe String(
    decoding: UnsafeRawBufferPointer(start: name, count: nameLength), as: UTF8.self)
  let value = unsafe String(
    decoding: UnsafeRawBufferPointer(start: value, count: valueLength), as: UTF8.self)
  collector.headers.append(.init(name, value))
  return .YES
}

// MARK: The daemon's callbacks

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
}

private func connectionChanged(
  _ context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  socketContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  change: MHD_ConnectionNotificationCode
) {
  guard let core = unsafe core(context), let connection = unsafe connection else { return }
  let borrowed = unsafe MicroConnection(borrowing: connection)
  switch change {
  case .CONNECTION_NOTIFY_STARTED: core.connectionOpened(borrowed)
  case .CONNECTION_NOTIFY_CLOSED: core.connectionClosed(borrowed)
  @unknown default: preconditionFailure("libmicrohttpd notifies \(change.rawValue)")
  }
}

private func requestBegun(
  _ context: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let core = unsafe core(context), let connection = unsafe connection,
    let target = unsafe target
  else { return nil }
  unsafe core.requestBegun(
    MicroConnection(borrowing: connection), target: String(cString: target))
  return nil
}

private func requestContinued(
  _ context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  path: UnsafePointer<CChar>?, method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?,
  upload: UnsafePointer<CChar>?, uploadLength: UnsafeMutablePointer<Int>?,
  requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let core = unsafe core(context), let connection = unsafe connection,
    let method = unsafe method, let uploadLength = unsafe uploadLength
  else { return .NO }
  let piece = unsafe [UInt8](UnsafeRawBufferPointer(start: upload, count: uploadLength.pointee))
  unsafe uploadLength.pointee = 0
  let goesOn = unsafe core.requestContinued(
    MicroConnection(borrowing: connection), method: String(cString: method), piece: piece)
  return goesOn ? .YES : .NO
}

private func requestCompleted(
  _ context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  reason: MHD_RequestTerminationCode
) {
  guard let core = unsafe core(context), let connection = unsafe connection else { return }
  unsafe core.requestCompleted(MicroConnection(borrowing: connection))
}
