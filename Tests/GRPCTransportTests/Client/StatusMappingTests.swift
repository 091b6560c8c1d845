import GRPC
import HTTP2
import Testing

@testable import GRPCTransport

/// What answers without a grpc-status mean.
@Suite struct StatusMappingTests {
  /// grpc/doc/http-grpc-status-mapping.md
  @Test(
    arguments: [
      ("400", .internal), ("401", .unauthenticated), ("403", .permissionDenied),
      ("404", .unimplemented), ("429", .unavailable), ("502", .unavailable),
      ("503", .unavailable), ("504", .unavailable), ("201", .unknown), ("302", .unknown),
      ("415", .unknown), ("500", .unknown), ("xyz", .unknown),
    ] as [(String, StatusCode)])
  func http(_ status: String, _ code: StatusCode) {
    #expect(ResponseHead.code(http: status) == code)
  }

  /// grpc/doc/PROTOCOL-HTTP2.md, Errors
  @Test(
    arguments: [
      (.noError, .internal), (.protocolError, .internal), (.internalError, .internal),
      (.flowControlError, .internal), (.settingsTimeout, .internal), (.streamClosed, .internal),
      (.frameSizeError, .internal), (.refusedStream, .unavailable), (.cancel, .cancelled),
      (.compressionError, .internal), (.connectError, .internal),
      (.enhanceYourCalm, .resourceExhausted), (.inadequateSecurity, .permissionDenied),
      (.http11Required, .internal),
    ] as [(HTTP2ErrorCode, StatusCode)])
  func reset(_ code: HTTP2ErrorCode, _ status: StatusCode) {
    #expect(RPCError.reset(code).code == status)
  }
}
