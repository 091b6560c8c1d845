internal import CCurl
internal import EventLoops

/// One request on its way: what came so far, and who waits for it. Confined to its client's loop.
final class Exchange: @unchecked Sendable {
  // @unchecked: made by the caller of `send`, then used only inside blocks that the loop executes.
  typealias Outcome = Result<HTTPResponse, HTTPClientError>

  let request: HTTPRequest
  private let limits: WebClient.Configuration
  private var continuation: CheckedContinuation<Outcome, Never>?
  private var deadline: TimerHandle?
  /// The transfer, while it runs.
  var easy: CurlEasy?

  private var headers: [HTTPRequest.Header] = []
  private var headerBytes = 0
  private var body: [UInt8] = []
  private var overrun: HTTPClientError?
  private var attempts = 0
  /// The task was cancelled, before or after the exchange reached the loop.
  var isCancelled = false

  init(_ request: HTTPRequest, limits: WebClient.Configuration) {
    self.request = request
    self.limits = limits
  }

  /// Takes over the waiting caller.
  func begin(_ continuation: CheckedContinuation<Outcome, Never>, deadline: TimerHandle) {
    self.continuation = continuation
    self.deadline = deadline
  }

  /// Answers the caller. A second call does nothing.
  func finish(_ outcome: Outcome) {
    deadline?.cancel()
    deadline = nil
    continuation?.resume(returning: outcome)
    continuation = nil
  }

  var sent: HTTPClientError.Sent { attempts == 0 ? .beforeSend : .afterSend }

  // MARK: From libcurl's callbacks

  /// Whether the request may be written. libcurl asks once per connection it tries: a second time
  /// means that it repeats on its own, which only a GET may.
  func requestBegins() -> Bool {
    guard attempts == 0 || request.method.isSafe else { return false }
    attempts += 1
    return true
  }

  @unsafe func appendBody(_ piece: UnsafeRawBufferPointer) -> Bool {
    guard body.count + piece.count <= limits.responseBodyBytesMax else {
      overrun = .responseTooLarge(limit: limits.responseBodyBytesMax)
      return false
    }
    unsafe body.append(contentsOf: piece)
    return true
  }

  @unsafe func appendHeader(line: UnsafeRawBufferPointer) -> Bool {
    headerBytes += line.count
    guard headerBytes <= limits.responseHeaderBytesMax else {
      overrun = .responseTooLarge(limit: limits.responseHeaderBytesMax)
      return false
    }
    let text = unsafe String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // A new answer begins: an interim one (RFC 9110, section 15.2) came before, or a retry.
      headers.removeAll()
      body.removeAll()
      return true
    }
    guard let field = HTTPRequest.Header(line: text) else { return true }
    guard headers.count < limits.responseHeaderCountMax else {
      overrun = .responseTooLarge(limit: limits.responseHeaderCountMax)
      return false
    }
    headers.append(field)
    return true
  }

  // MARK: The end of the transfer

  /// What the caller gets when libcurl reports `code`.
  func outcome(of code: CURLcode) -> Outcome {
    if let overrun { return .failure(overrun) }
    if code == CURLE_OK, let status = easy?.status, status > 0 {
      return .success(HTTPResponse(status: status, headers: headers, body: body))
    }
    return .failure(attempts == 0 ? errorBeforeSend(code) : errorAfterSend(code))
  }

  private func errorBeforeSend(_ code: CURLcode) -> HTTPClientError {
    switch code {
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .invalidRequest(.urlNotAllowed)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .unresolvable
    case CURLE_COULDNT_CONNECT: .unreachable
    case CURLE_OPERATION_TIMEDOUT: .timedOut(.beforeSend)
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_ENGINE_INITFAILED:
      .tlsFailed
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR: .connectionLost(.beforeSend)
    default: .failed(code: code.rawValue, .beforeSend)
    }
  }

  private func errorAfterSend(_ code: CURLcode) -> HTTPClientError {
    switch code {
    case CURLE_OPERATION_TIMEDOUT: .timedOut(.afterSend)
    case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING,
      CURLE_OK:
      .malformedResponse
    case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT: .failed(code: code.rawValue, .afterSend)
    // Whatever else went wrong now, the answer is not coming and the request may have arrived.
    default: .connectionLost(.afterSend)
    }
  }
}

extension HTTPRequest.Header {
  /// One field line as libcurl gives it, with its line end; nil for the empty line.
  fileprivate init?(line: String) {
    let bytes = line.utf8
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
    var value = bytes[bytes.index(after: colon)...].drop(while: isBlank)
    while let last = value.last, isBlank(last) { value = value.dropLast() }
    self.init(String(bytes[..<colon]) ?? "", String(value) ?? "")
  }
}
