internal import CCurl

/// One transfer of libcurl. Owns the `CURL *` and its header list and frees each exactly once.
///
/// It stays on the loop of its client, and is taken out of the multi handle before it ends.
@safe struct CurlEasy: ~Copyable {
  /// Which transfer a message of the multi handle is about.
  struct ID: Hashable {
    fileprivate let address: UInt
  }

  private let handle: UnsafeMutableRawPointer
  private var fields: UnsafeMutablePointer<curl_slist>?

  /// Nil when there is no memory.
  init?() {
    guard let handle = unsafe curl_easy_init() else { return nil }
    unsafe self.handle = handle
    unsafe fields = nil
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(fields)
  }

  var id: ID { unsafe ID(address: UInt(bitPattern: handle)) }

  static func id(of handle: UnsafeMutableRawPointer) -> ID {
    ID(address: UInt(bitPattern: handle))
  }

  /// The handle itself, for the multi handle's owner.
  var raw: UnsafeMutableRawPointer { unsafe handle }

  /// The rules that hold for every transfer: HTTP only, no redirect, no proxy, no retry unseen.
  func setRules(_ configuration: WebClient.Configuration) {
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_HTTP09_ALLOWED, 0)
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    set(CURLOPT_CONNECTTIMEOUT_MS, configuration.connectTimeout.milliseconds)
    // Without it, ending a transfer would wait on the loop for the thread that resolves its name.
    set(CURLOPT_QUICK_EXIT, 1)
    // An empty proxy also keeps libcurl from reading the environment's.
    set(CURLOPT_PROXY, configuration.proxy ?? "")
    set(CURLOPT_USERAGENT, configuration.userAgent)
    if let file = configuration.certificateAuthorityFile { set(CURLOPT_CAINFO, file) }
  }

  /// What is asked, and how.
  mutating func setRequest(_ request: HTTPRequest) {
    set(CURLOPT_URL, request.url)
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .post: set(CURLOPT_POST, 1)
    case .put, .delete: set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
    if request.method == .post || request.method == .put {
      unsafe check(
        CCurl_easy_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, request.body.count))
      unsafe request.body.withUnsafeBytes { bytes in
        var none: UInt8 = 0
        unsafe withUnsafeBytes(of: &none) { empty in
          let start = unsafe bytes.baseAddress ?? empty.baseAddress
          unsafe check(CCurl_easy_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, start))
        }
      }
    }
    // libcurl repeats a request on its own when a kept connection closes before the first byte of
    // the answer, even a POST. On a fresh connection it never does.
    if !request.method.isSafe { set(CURLOPT_FRESH_CONNECT, 1) }
    setHeaders(of: request)
  }

  private mutating func setHeaders(of request: HTTPRequest) {
    // libcurl would add these two on its own.
    append(header: "Expect:")
    if !request.headers.contains(where: { isSameFieldName($0.name, "content-type") }) {
      append(header: "Content-Type:")
    }
    for header in request.headers {
      append(header: header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
    }
    unsafe check(CCurl_easy_set_pointer(handle, CURLOPT_HTTPHEADER, fields))
  }

  private mutating func append(header: String) {
    guard let grown = unsafe curl_slist_append(fields, header) else {
      preconditionFailure("no memory for a header field")
    }
    unsafe fields = grown
  }

  /// Hands `exchange` to the callbacks. It must outlive this handle.
  func setCallbacks(borrowing exchange: Exchange) {
    let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
    unsafe check(CCurl_easy_set_data_callback(handle, CURLOPT_WRITEFUNCTION, bodyCame))
    unsafe check(CCurl_easy_set_pointer(handle, CURLOPT_WRITEDATA, context))
    unsafe check(CCurl_easy_set_data_callback(handle, CURLOPT_HEADERFUNCTION, headerCame))
    unsafe check(CCurl_easy_set_pointer(handle, CURLOPT_HEADERDATA, context))
    unsafe check(CCurl_easy_set_prerequest_callback(handle, requestBegins))
    unsafe check(CCurl_easy_set_pointer(handle, CURLOPT_PREREQDATA, context))
  }

  /// The status of the answer; 0 when none came.
  var status: Int {
    var status = 0
    unsafe check(CCurl_easy_get_long(handle, CURLINFO_RESPONSE_CODE, &status))
    return status
  }

  private func set(_ option: CURLoption, _ value: Int) {
    unsafe check(CCurl_easy_set_long(handle, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) {
    unsafe check(CCurl_easy_set_text(handle, option, value))
  }

  /// An option that libcurl does not know is an error of the build, not of the moment.
  private func check(_ code: CURLcode) {
    precondition(code == CURLE_OK, "libcurl refuses an option: code \(code.rawValue)")
  }
}

private func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
}

/// Copies a piece of the body; fewer bytes taken than came end the transfer.
private func bodyCame(
  _ bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int,
  context: UnsafeMutableRawPointer?
) -> Int {
  let length = size * count
  guard let exchange = unsafe exchange(context) else { return 0 }
  let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: length)
  return unsafe exchange.appendBody(piece) ? length : 0
}

/// Copies one line of the header; fewer bytes taken than came end the transfer.
private func headerCame(
  _ bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int,
  context: UnsafeMutableRawPointer?
) -> Int {
  let length = size * count
  guard let exchange = unsafe exchange(context) else { return 0 }
  let line = unsafe UnsafeRawBufferPointer(start: bytes, count: length)
  return unsafe exchange.appendHeader(line: line) ? length : 0
}

/// The connection stands and the request is about to be written.
private func requestBegins(
  _ context: UnsafeMutableRawPointer?, peer: UnsafeMutablePointer<CChar>?,
  local: UnsafeMutablePointer<CChar>?, peerPort: Int32, localPort: Int32
) -> Int32 {
  guard let exchange = unsafe exchange(context) else { return CURL_PREREQFUNC_ABORT }
  return exchange.requestBegins() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

extension Duration {
  /// Whole milliseconds, at least 1, as libcurl takes 0 for its own default.
  var milliseconds: Int {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    if overflow { return seconds < 0 ? 1 : Int(Int32.max) }
    return Int(min(max(scaled + attoseconds / 1_000_000_000_000_000, 1), Int64(Int32.max)))
  }
}
