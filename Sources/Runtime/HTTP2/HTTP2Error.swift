internal import CNGHTTP2

/// An error code of RFC 9113, section 7.
package enum HTTP2ErrorCode: UInt32, Sendable {
  case noError = 0
  case protocolError = 1
  case internalError = 2
  case flowControlError = 3
  case settingsTimeout = 4
  case streamClosed = 5
  case frameSizeError = 6
  case refusedStream = 7
  case cancel = 8
  case compressionError = 9
  case connectError = 10
  case enhanceYourCalm = 11
  case inadequateSecurity = 12
  case http11Required = 13

  /// Codes that the RFC does not list count as an internal error, as it asks (section 7).
  package init(wire code: UInt32) { self = HTTP2ErrorCode(rawValue: code) ?? .internalError }
}

/// Why a session can't go on. The connection is to be closed.
package enum HTTP2Error: Error, Hashable, Sendable {
  /// What came is not HTTP/2 at all: the peer's fault.
  case badPreface
  /// The peer sends too much of something: an attack, or a client that has run wild.
  case flood(FloodReason)
  /// The peer broke the protocol so that nghttp2 gave up.
  case peer(String)
  /// A bound of ours, or memory.
  case library(String)

  init(nghttp2 code: Int) {
    let text = unsafe String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: code)))
    switch nghttp2_error(rawValue: Int32(truncatingIfNeeded: code)) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: self = .badPreface
    case NGHTTP2_ERR_FLOODED: self = .flood(.unreadFrames)
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: self = .flood(.continuations)
    case NGHTTP2_ERR_TOO_MANY_SETTINGS: self = .flood(.settings)
    case NGHTTP2_ERR_CALLBACK_FAILURE, NGHTTP2_ERR_NOMEM: self = .library(text)
    default: self = .peer(text)
    }
  }
}
