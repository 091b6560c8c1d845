package import Buffers
internal import COpenSSL

/// What a ``TLSSession`` tells its owner, while one of its methods runs.
package protocol TLSSessionDelegate: AnyObject {
  /// Ciphertext is to be sent, after all that came before. It is lent for the call only. The
  /// session must not be used from here.
  func sessionProduced(_ ciphertext: borrowing ByteWriter)

  /// The handshake is done: plaintext may be written.
  func sessionOpened()

  /// Plaintext came. It is lent for the call only.
  func sessionReceived(_ plaintext: RawSpan)
}

/// One TLS session without its socket: ciphertext in, plaintext and ciphertext out.
///
/// ```
/// handshaking ──done──▶ open ──close_notify, close()──▶ ended
///      └────────failed────┴──────────────▶ failed
/// ```
///
/// It lives on one executor. The peer must speak HTTP/2: the handshake fails without ALPN "h2".
@safe package final class TLSSession {
  /// What is left to do after ciphertext was received.
  package enum Progress: Hashable, Sendable {
    /// More ciphertext may come.
    case incomplete
    /// The peer sends no more (close_notify).
    case ended
    /// The session is over. An alert for the peer, if one is due, was produced before.
    case failed(TLSFailure)
  }

  /// What became of plaintext that was to be encrypted.
  package enum Encryption: Hashable, Sendable {
    /// All of it is in what the session has produced.
    case done
    /// The session is not open, or is none any more: nothing can be written or read.
    case failed
  }

  private enum Phase {
    case handshaking
    case open
    case ended
    case failed
  }

  /// The session; freed in `deinit`.
  let handle: OpaquePointer
  private let context: TLSContext
  private let buffers: TLSBuffers
  /// Of a client: the name that the server must have.
  private let serverName: String
  private var phase = Phase.handshaking
  private var hasRefusedProtocol = false
  private var guardian = HandshakeStepGuard()

  /// Makes a server's session, which waits for the client.
  package init(server context: TLSContext, buffers: TLSBuffers) {
    precondition(context.role == .server, "a client's context in a server's session")
    unsafe handle = Self.makeHandle(context, buffers)
    self.context = context
    self.buffers = buffers
    serverName = ""
    unsafe SSL_set_accept_state(handle)
    adopt()
  }

  /// Makes a client's session with the server that the context names, or with `host`: a name or
  /// an IP address in digits. ``start(_:)`` begins the handshake.
  package init(client context: TLSContext, host: String, buffers: TLSBuffers) {
    precondition(context.role == .client, "a server's context in a client's session")
    unsafe handle = Self.makeHandle(context, buffers)
    self.context = context
    self.buffers = buffers
    serverName = context.serverName ?? host
    unsafe SSL_set_connect_state(handle)
    expect(serverName)
    if let session = context.resumable.take(for: serverName) {
      unsafe _ = SSL_set_session(handle, session.handle)
    }
    adopt()
  }

  deinit {
    // OpenSSL lets no session be resumed that was freed without a shutdown. Whether the peer sent
    // close_notify is nothing to a protocol that has its own ends (RFC 9113, section 6.8).
    if case .failed = phase {
    } else {
      unsafe SSL_set_shutdown(handle, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    }
    unsafe SSL_free(handle)
  }

  private static func makeHandle(_ context: TLSContext, _ buffers: TLSBuffers) -> OpaquePointer {
    guard let handle = unsafe SSL_new(context.handle.raw) else {
      preconditionFailure("SSL_new: \(LibraryError.take().text)")
    }
    let bio = unsafe BuffersBIO.shared.make(over: buffers)
    unsafe SSL_set_bio(handle, bio, bio)
    return unsafe handle
  }

  /// Lets OpenSSL's callbacks find the session.
  private func adopt() {
    unsafe _ = SSL_set_ex_data(handle, 0, Unmanaged.passUnretained(self).toOpaque())
  }

  /// The server must have a certificate for `name` (RFC 6125); an address is not sent (RFC 6066).
  private func expect(_ name: String) {
    let parameters = unsafe SSL_get0_param(handle)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return }
    LibraryError.clear()
    unsafe X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    // OpenSSL takes an empty name for the wish not to check any.
    if !name.isEmpty, unsafe X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1 {
      unsafe _ = COpenSSL_set_server_name(handle, name)
    } else {
      unsafe _ = X509_VERIFY_PARAM_set1_host(parameters, Self.nobody, Self.nobody.utf8.count)
    }
  }

  /// A name that no certificate has (RFC 6761, section 6.4).
  private static let nobody = "invalid."

  // MARK: The handshake

  package var isOpen: Bool { phase == .open }

  /// Begins a client's handshake: its first message is produced.
  package func start(_ delegate: some TLSSessionDelegate) -> Progress {
    guard case .handshaking = phase else { return .incomplete }
    return shakeHands(delegate)
  }

  private func shakeHands(_ delegate: some TLSSessionDelegate) -> Progress {
    LibraryError.clear()
    let code = unsafe SSL_do_handshake(handle)
    let failure = code == 1 ? finishHandshake() : failure(after: code)
    buffers.drainOutput { delegate.sessionProduced($0) }
    if let failure { return fail(failure) }
    if code == 1 {
      phase = .open
      delegate.sessionOpened()
    }
    return .incomplete
  }

  /// What the handshake must have brought about besides OpenSSL's own checks.
  private func finishHandshake() -> TLSFailure? {
    guard applicationProtocol.elementsEqual(ALPN.h2) else {
      return TLSFailure(.noApplicationProtocol, reason: "the peer does not speak h2 (ALPN)")
    }
    // A certificate in a ticket was verified when the ticket was made, and may have ended since.
    if context.role == .server, resumption == .resumed, let certificate = peerCertificate,
      certificate.expiry < context.now()
    {
      return TLSFailure(
        .certificateExpired, reason: "the certificate of a resumed session has expired")
    }
    return nil
  }

  /// `nil` when OpenSSL only waits for more.
  private func failure(after code: Int32) -> TLSFailure? {
    switch unsafe SSL_get_error(handle, code) {
    case SSL_ERROR_WANT_READ: return nil
    case SSL_ERROR_SSL, SSL_ERROR_SYSCALL:
      if hasRefusedProtocol {
        LibraryError.clear()
        return TLSFailure(.noApplicationProtocol, reason: "the client offers no ALPN")
      }
      return TLSFailure(
        LibraryError.take(preferring: Int32(ERR_LIB_SSL)),
        verification: unsafe SSL_get_verify_result(handle))
    case SSL_ERROR_ZERO_RETURN:
      // A close_notify in the middle of a handshake, which is in plaintext and so anybody's.
      return TLSFailure(.peerConnectionClosed, reason: "the peer ended TLS before it had begun")
    // The peer's bytes choose the code: none of them may end the process.
    case let other:
      LibraryError.clear()
      return TLSFailure(.unknownFailure, reason: "SSL_get_error: \(other)")
    }
  }

  private func fail(_ failure: TLSFailure) -> Progress {
    phase = .failed
    return .failed(failure)
  }

  // MARK: Bytes

  /// Takes what came from the peer, and tells `delegate` what it means. Not to be called from one
  /// of the delegate's methods.
  package func receive(_ ciphertext: RawSpan, _ delegate: some TLSSessionDelegate) -> Progress {
    unsafe ciphertext.withUnsafeBytes { bytes in
      unsafe buffers.beginInput(bytes)
      defer { buffers.endInput() }
      if case .handshaking = phase {
        let progress = shakeHands(delegate)
        guard case .open = phase else { return progress }
      }
      return readAll(delegate)
    }
  }

  private func readAll(_ delegate: some TLSSessionDelegate) -> Progress {
    while case .open = phase {
      let (count, progress) = read()
      buffers.drainOutput { delegate.sessionProduced($0) }
      guardian.received(byteCount: count)
      if count > 0 {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffers.plaintext[..<count])
        delegate.sessionReceived(unsafe RawSpan(_unsafeBytes: bytes))
      }
      if guardian.isExceeded {
        return fail(
          TLSFailure(.unexpectedMessage, reason: "the peer changes its keys all the time"))
      }
      if let progress { return progress }
    }
    return .incomplete
  }

  /// Decrypts into the shared buffer; no progress means that it is full.
  private func read() -> (count: Int, Progress?) {
    let target = unsafe buffers.plaintext
    var filled = 0
    while filled < target.count {
      var count = 0
      LibraryError.clear()
      let code = unsafe SSL_read_ex(
        handle, target.baseAddress.map { unsafe $0 + filled }, target.count - filled, &count)
      if code == 1 {
        filled += count
        // Asking once more would only be told to wait.
        if buffers.isInputEmpty, unsafe SSL_pending(handle) == 0 { return (filled, .incomplete) }
        continue
      }
      if unsafe SSL_get_error(handle, code) == SSL_ERROR_ZERO_RETURN {
        phase = .ended
        return (filled, .ended)
      }
      if let failure = failure(after: code) { return (filled, fail(failure)) }
      return (filled, .incomplete)
    }
    return (filled, nil)
  }

  /// Encrypts all of `plaintext`, in records as large as there are.
  package func encrypt(
    _ plaintext: borrowing ByteWriter, _ delegate: some TLSSessionDelegate
  ) -> Encryption {
    guard !plaintext.isEmpty else { return .done }
    guard case .open = phase else { return .failed }
    let code = unsafe plaintext.withUnsafeBytes { bytes in
      var count = 0
      // The BIO takes everything; only a message of the peer's that is half there stops OpenSSL.
      return unsafe SSL_write_ex(handle, bytes.baseAddress, bytes.count, &count)
    }
    buffers.drainOutput { delegate.sessionProduced($0) }
    guard code == 1 else {
      LibraryError.clear()
      phase = .failed
      return .failed
    }
    return .done
  }

  /// Tells the peer that no more comes (close_notify). Nothing more is read or written.
  package func close(_ delegate: some TLSSessionDelegate) {
    guard case .open = phase else { return }
    phase = .ended
    LibraryError.clear()
    unsafe _ = SSL_shutdown(handle)
    buffers.drainOutput { delegate.sessionProduced($0) }
  }

  // MARK: What was agreed on

  /// What the handshake brought about; `nil` before it is done.
  package var security: ConnectionSecurity? {
    guard phase == .open || phase == .ended else { return nil }
    return ConnectionSecurity(
      version: unsafe String(cString: SSL_get_version(handle)),
      cipherSuite: unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(handle))),
      applicationProtocol: String(decoding: applicationProtocol, as: UTF8.self),
      resumption: resumption,
      peer: peerCertificate.map { CertificateIdentity($0) })
  }

  /// Whether the handshake resumed a session; meaningful once it is over.
  package var resumption: TLSResumption {
    unsafe SSL_session_reused(handle) == 1 ? .resumed : .full
  }

  private var applicationProtocol: [UInt8] {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(handle, &name, &count)
    return unsafe Array(UnsafeBufferPointer(start: name, count: Int(count)))
  }

  private var peerCertificate: Certificate? {
    guard let raw = unsafe SSL_get1_peer_certificate(handle) else { return nil }
    return unsafe Certificate(takingOwnershipOf: raw)
  }

  // MARK: For OpenSSL's callbacks

  func noteRefusedProtocol() { hasRefusedProtocol = true }

  func noteHandshakeStep() {
    if case .open = phase { guardian.stepped() }
  }

  func noteResumable(_ session: ResumableSession) {
    context.resumable.put(session, for: serverName)
  }
}

/// The session that OpenSSL calls back for.
func session(of ssl: OpaquePointer?) -> TLSSession? {
  guard let data = unsafe SSL_get_ex_data(ssl, 0) else { return nil }
  return unsafe Unmanaged<TLSSession>.fromOpaque(data).takeUnretainedValue()
}
