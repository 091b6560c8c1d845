internal import COpenSSL
internal import Glibc

/// What the TLS sessions of one server, or of one client, have in common. Callable from any
/// executor.
///
/// Its rules never change: a new certificate is a new context, for new sessions only. Sessions of
/// one context can be resumed in it for ``resumptionLifetime``: a server's by stateless tickets,
/// whose keys are the context's own and die with it; a client's context keeps what servers gave it.
@safe package final class TLSContext: Sendable {
  package enum Role: Sendable {
    case client
    case server
  }

  package let role: Role
  /// The last second in which the own certificate is valid, in seconds since 1970; `nil` without
  /// one.
  package let certificateExpiry: Int64?
  /// How long a session can be resumed; a client certificate is not verified anew meanwhile, but
  /// one that has expired is refused.
  package static let resumptionLifetime = Duration.seconds(7200)

  let handle: ContextHandle
  /// Of a client: whom it expects, if that is not the host of the target.
  let serverName: String?
  /// The wall clock, in seconds since 1970.
  let now: @Sendable () -> Int64
  /// Of a client: what servers gave to resume sessions with.
  let resumable = ResumableSessions()

  /// Makes a server's context. The key must be the certificate's, without a passphrase.
  package convenience init(server configuration: TLSServerConfiguration) throws(TLSError) {
    try self.init(server: configuration) { Int64(time(nil)) }
  }

  init(
    server configuration: TLSServerConfiguration, now: @escaping @Sendable () -> Int64
  ) throws(TLSError) {
    self.now = now
    handle = try ContextHandle()
    role = .server
    serverName = nil
    certificateExpiry = try handle.use(configuration.credentials)
    try Self.configure(server: handle, configuration.clients)
  }

  /// Makes a client's context. It always verifies the server's certificate and its name.
  package init(client configuration: TLSClientConfiguration) throws(TLSError) {
    handle = try ContextHandle()
    now = { Int64(time(nil)) }
    role = .client
    serverName = configuration.serverName
    certificateExpiry =
      if let credentials = configuration.credentials { try handle.use(credentials) } else { nil }
    switch configuration.trust {
    case .system:
      try handle.check(
        "SSL_CTX_set_default_verify_paths", unsafe SSL_CTX_set_default_verify_paths(handle.raw))
    case .authorities(let pem): try handle.trust(pem, tellsClients: false)
    }
    unsafe SSL_CTX_set_verify(handle.raw, SSL_VERIFY_PEER, nil)
    // 0 is success here, as in no other of OpenSSL's functions.
    let refused = unsafe SSL_CTX_set_alpn_protos(handle.raw, ALPN.list, UInt32(ALPN.list.count))
    precondition(refused == 0, "SSL_CTX_set_alpn_protos failed")
    unsafe COpenSSL_CTX_set_session_cache_mode(
      handle.raw, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    unsafe SSL_CTX_sess_set_new_cb(handle.raw, sessionCame)
  }

  private static func configure(
    server handle: ContextHandle, _ clients: ClientVerification
  ) throws(TLSError) {
    let raw = unsafe handle.raw
    unsafe _ = SSL_CTX_set_options(raw, COpenSSL_options_of_servers())
    unsafe SSL_CTX_set_client_hello_cb(raw, helloCame, nil)
    unsafe SSL_CTX_set_alpn_select_cb(raw, protocolsCame, nil)
    // Tickets hold the whole session, so that nothing is kept for clients that don't come back.
    unsafe COpenSSL_CTX_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
    unsafe _ = SSL_CTX_set_timeout(raw, Int(resumptionLifetime.components.seconds))
    unsafe _ = SSL_CTX_set_num_tickets(raw, ticketCount)
    // OpenSSL asks for a name of what sessions are for, and there is one use.
    try handle.check(
      "SSL_CTX_set_session_id_context",
      unsafe SSL_CTX_set_session_id_context(raw, ALPN.h2, UInt32(ALPN.h2.count)))
    switch clients {
    case .none: break
    case .request(let authorities):
      try handle.trust(authorities, tellsClients: true)
      unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
    case .require(let authorities):
      try handle.trust(authorities, tellsClients: true)
      unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }
  }

  /// How many tickets a TLS 1.3 client gets for one handshake; a gRPC client opens one connection
  /// at a time, and gets another ticket with it.
  private static let ticketCount = 1
}

/// The one protocol that is spoken: HTTP/2 (RFC 9113, section 3.2).
enum ALPN {
  static let h2 = Array("h2".utf8)
  /// As on the wire: each name after its length (RFC 7301, section 3.1).
  static let list = [UInt8(h2.count)] + h2

  /// Where `h2` is in a list as on the wire.
  static func offset(ofH2In list: UnsafeBufferPointer<UInt8>) -> Int? {
    var next = 0
    while next < list.count {
      let count = Int(unsafe list[next])
      let end = next + 1 + count
      guard end <= list.count else { return nil }
      if count == h2.count, unsafe list[(next + 1)..<end].elementsEqual(h2) { return next + 1 }
      next = end
    }
    return nil
  }
}

/// A ClientHello without ALPN is refused here: `protocolsCame` is called for one with it only.
private func helloCame(
  _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?
) -> Int32 {
  var bytes: UnsafePointer<UInt8>?
  var count = 0
  let kind = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
  if unsafe SSL_client_hello_get0_ext(ssl, kind, &bytes, &count) == 1 {
    return SSL_CLIENT_HELLO_SUCCESS
  }
  unsafe session(of: ssl)?.noteRefusedProtocol()
  unsafe alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
  return SSL_CLIENT_HELLO_ERROR
}

/// Chooses h2 or refuses.
private func protocolsCame(
  _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
  _ offeredCount: UInt32, _: UnsafeMutableRawPointer?
) -> Int32 {
  let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
  guard let offered = unsafe offered, let offset = unsafe ALPN.offset(ofH2In: list) else {
    return SSL_TLSEXT_ERR_ALERT_FATAL
  }
  unsafe chosen?.pointee = unsafe offered + offset
  unsafe chosenCount?.pointee = UInt8(ALPN.h2.count)
  return SSL_TLSEXT_ERR_OK
}

/// A server gave a client something to resume with; 1 keeps the reference that came.
private func sessionCame(_ ssl: OpaquePointer?, _ resumable: OpaquePointer?) -> Int32 {
  guard let session = unsafe session(of: ssl), let resumable = unsafe resumable else { return 0 }
  session.noteResumable(unsafe ResumableSession(takingOwnershipOf: resumable))
  return 1
}
