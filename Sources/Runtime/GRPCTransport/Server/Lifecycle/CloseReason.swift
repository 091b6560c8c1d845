package import EventLoops
package import HTTP2
package import TLS

/// Why a server asks a client to open no more calls on a connection.
package enum DrainReason: Hashable, Sendable {
  /// It was without calls for ``ConnectionLimits/idleMax``.
  case idle
  /// It reached ``ConnectionLimits/ageMax``.
  case age
  /// The server is shutting down.
  case shutdown
  /// Three quarters of its stream identifiers are used up.
  case streamIDs

  /// What the client finds in the GOAWAY; the first two as grpc-go names them.
  var debugData: String {
    switch self {
    case .idle: "max_idle"
    case .age: "max_age"
    case .shutdown: "server shutting down"
    case .streamIDs: "stream ids used up"
    }
  }
}

/// Why a server's connection ended, for logs and metrics.
package enum CloseReason: Hashable, Sendable {
  /// The client closed it.
  case clientClosed
  /// It broke.
  case lost(EventLoopError)
  /// TLS failed, in the handshake or later.
  case tls(TLSFailure)
  /// The TLS handshake took longer than ``ConnectionLimits/handshakeMax``.
  case handshakeTimeout
  /// No preface and SETTINGS came within ``ConnectionLimits/prefaceMax``.
  case prefaceTimeout
  /// Our SETTINGS were not acknowledged within ``ConnectionLimits/settingsAckMax``.
  case settingsTimeout
  /// A header block took longer than ``ConnectionLimits/headerBlockMax``.
  case headerBlockTimeout
  /// The client answered no ping within ``ConnectionLimits/keepaliveTimeout``.
  case keepaliveTimeout
  /// The socket took nothing for ``ConnectionLimits/writeStallMax``.
  case writeStall
  /// The client pinged after `interval` for the third time, where `allowed` is the shortest.
  case tooManyPings(interval: Duration, allowed: Duration)
  /// What came is not HTTP/2, breaks it, or floods us.
  case session(HTTP2Error)
  /// It was asked to go, and its calls have ended.
  case drained(DrainReason)
  /// It was asked to go, and its calls did not end in time.
  case cutOff(DrainReason)

  /// A short name that never changes, for metrics.
  package var name: String {
    switch self {
    case .clientClosed: "client_closed"
    case .lost: "lost"
    case .tls: "tls_failure"
    case .handshakeTimeout: "handshake_timeout"
    case .prefaceTimeout: "preface_timeout"
    case .settingsTimeout: "settings_timeout"
    case .headerBlockTimeout: "header_block_timeout"
    case .keepaliveTimeout: "keepalive_timeout"
    case .writeStall: "write_stall"
    case .tooManyPings: "too_many_pings"
    case .session: "protocol_error"
    case .drained(.idle): "max_idle"
    case .drained(.age): "max_age"
    case .drained(.shutdown): "shutdown"
    case .drained(.streamIDs): "stream_ids"
    case .cutOff(.age): "max_age_grace"
    case .cutOff: "shutdown_cut_off"
    }
  }

  /// Why calls end that are cut off now.
  var drain: DrainReason {
    switch self {
    case .drained(let reason), .cutOff(let reason): reason
    default: .shutdown
    }
  }

  /// Whether an operator wants to read of it: the client did what it should not, or is gone.
  package var isAbnormal: Bool {
    switch self {
    case .clientClosed, .lost, .drained: false
    default: true
    }
  }
}

extension CloseReason: CustomStringConvertible {
  /// For logs: what happened, the value and the limit, whose fault, and the remedy.
  package var description: String {
    switch self {
    case .clientClosed: "The client closed the connection."
    case .lost(let error): "The connection broke: \(error)."
    case .tls(let failure): "\(failure) (\(failure.result.rawValue))."
    case .handshakeTimeout:
      "The client's TLS handshake took too long (tls-handshake-timeout)."
    case .prefaceTimeout:
      "The client sent no HTTP/2 preface and SETTINGS in time (preface-timeout). Does it speak"
        + " HTTP/2, and TLS only if the server does?"
    case .settingsTimeout:
      "The client did not acknowledge the server's SETTINGS in time (settings-ack-timeout)."
    case .headerBlockTimeout:
      "The client began a header block and did not end it in time (header-block-timeout)."
    case .keepaliveTimeout:
      "The client did not answer a ping in time (keepalive-timeout): it is gone or hangs."
    case .writeStall:
      "The client read nothing for too long while output waited (write-stall-timeout)."
    case .tooManyPings(let interval, let allowed):
      "The client pings every \(interval), and at least \(allowed) is allowed between pings while"
        + " it is sent nothing. Let it ping less often (its keepalive time), or lower"
        + " ping-interval-min."
    case .session(let error): "The client broke HTTP/2: \(error)."
    case .drained(.idle): "The connection was without calls for max-connection-idle."
    case .drained(.age): "The connection reached max-connection-age."
    case .drained(.shutdown): "The server is shutting down."
    case .drained(.streamIDs): "The connection's stream identifiers were used up."
    case .cutOff(.age):
      "The connection reached max-connection-age, and its calls did not end within"
        + " max-connection-age-grace."
    case .cutOff: "The server is shutting down, and the connection's calls did not end in time."
    }
  }
}
