internal import Buffers
internal import HTTP2

/// An HTTP/2 session of either role without a socket: no bytes may crash it or make it write
/// without end.
enum SessionTarget {
  private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
  /// The most that one input of a few KiB may be answered with.
  private static let outputMax = 4 << 20

  @Sendable static func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let isServer = first & 1 == 0
    let session = HTTP2Session(role: isServer ? .server : .client)
    let delegate = Delegate(session)
    session.delegate = delegate
    defer { session.delegate = nil }
    if !isServer { delegate.open() }
    var output = 0
    var bytes = Array(input.dropFirst())
    if first & 2 == 0 { bytes = (isServer ? magic : []) + settings + bytes }
    let chunk = first & 4 == 0 ? max(bytes.count, 1) : Int(first >> 3) + 1
    var start = 0
    do {
      while start < bytes.count {
        let end = min(start + chunk, bytes.count)
        try bytes.withBytes { (all) throws(HTTP2Error) in
          try session.receive(all.extracting(start..<end))
        }
        start = end
        output += try delegate.drain()
        precondition(output <= outputMax, "\(output) bytes of output for \(end) of input")
        if session.isOver { break }
      }
    } catch {
      _ = try? delegate.drain()
    }
    session.closeAllStreams(.cancel)
  }
}

/// Answers every request with headers, some data and trailers, as a server does.
private final class Delegate: HTTP2SessionDelegate {
  private let session: HTTP2Session
  fileprivate static let response = HeaderPreset([(":status", "200"), ("x", "y")])
  fileprivate static let trailers = HeaderPreset([("grpc-status", "0")])
  private static let request = HeaderPreset([
    (":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "c"),
  ])

  init(_ session: HTTP2Session) { self.session = session }

  func open() {
    let stream = HTTP2Stream()
    stream.handler = Handler(session, stream, answers: false)
    _ = session.submitRequest(stream, preset: Self.request, HeaderList())
    session.write(to: stream) { $0.append([1, 2, 3]) }
  }

  /// Moves out what the session has to say.
  func drain() throws(HTTP2Error) -> Int {
    var total = 0
    while true {
      var writer = ByteWriter()
      try session.send(into: &writer, upTo: 64 << 10)
      if writer.isEmpty { return total }
      total += writer.count
      if total > 8 << 20 { return total }
    }
  }

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    Handler(session, stream, answers: true)
  }

  func settingsReceived() {}
  func pingAcknowledged() {}
  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {}
}

private final class Handler: HTTP2StreamHandler {
  private let session: HTTP2Session
  private unowned let stream: HTTP2Stream
  private let answers: Bool
  private var hasAnswered = false

  init(_ session: HTTP2Session, _ stream: HTTP2Stream, answers: Bool) {
    self.session = session
    self.stream = stream
    self.answers = answers
  }

  func received(headers: borrowing HeaderBlock, endsStream: Bool) {
    headers.visitFields { _, name, value in _ = name.byteCount + value.byteCount }
    if endsStream { answer() }
  }

  func received(data: RawSpan, endsStream: Bool) {
    session.consume(data.byteCount, on: stream)
    if endsStream { answer() }
  }

  func receivedEnd() { answer() }

  private func answer() {
    guard answers, !hasAnswered else { return }
    hasAnswered = true
    session.submitResponse(stream, preset: Delegate.response, HeaderList())
    session.write(to: stream) { $0.append([UInt8](repeating: 7, count: 100)) }
    session.end(stream, trailers: Delegate.trailers)
  }

  func streamHasRoom() {}
  func streamClosed(_ code: HTTP2ErrorCode) {}
}
