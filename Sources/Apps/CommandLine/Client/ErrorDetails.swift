internal import Buffers
internal import GRPC
internal import Protobuf
internal import WellKnown

/// What an error says beside its code and message.
struct ErrorDetails: Sendable {
  /// The messages that errors of this project hold.
  static let types = TypeRegistry([
    Google.Rpc.ErrorInfo.self, Google.Rpc.BadRequest.self, Google.Rpc.PreconditionFailure.self,
    Google.Rpc.QuotaFailure.self, Google.Rpc.RetryInfo.self, Google.Rpc.ResourceInfo.self,
    Google.Rpc.Help.self, Google.Rpc.LocalizedMessage.self, Google.Rpc.RequestInfo.self,
    Google.Rpc.DebugInfo.self,
  ])

  private(set) var info: Google.Rpc.ErrorInfo?
  private(set) var badRequest: Google.Rpc.BadRequest?
  private(set) var precondition: Google.Rpc.PreconditionFailure?
  private(set) var quota: Google.Rpc.QuotaFailure?
  private(set) var resource: Google.Rpc.ResourceInfo?
  private(set) var help: Google.Rpc.Help?
  private var retry: Google.Rpc.RetryInfo?

  init(_ error: RPCError) {
    self.init(error.details)
  }

  /// Reads the details it knows; one that can't be read is as if it was not there.
  init(_ details: [Google.Protobuf.`Any`]) {
    for detail in details {
      info = info ?? Self.unpack(detail)
      badRequest = badRequest ?? Self.unpack(detail)
      precondition = precondition ?? Self.unpack(detail)
      quota = quota ?? Self.unpack(detail)
      resource = resource ?? Self.unpack(detail)
      help = help ?? Self.unpack(detail)
      retry = retry ?? Self.unpack(detail)
    }
  }

  /// How long to wait before a repetition.
  var retryDelay: Duration? {
    retry?.retryDelay.map {
      .seconds($0.seconds) + .nanoseconds(Int64($0.nanos))
    }
  }

  private static func unpack<Detail: Message>(_ detail: Google.Protobuf.`Any`) -> Detail? {
    guard detail.typeURL.hasSuffix("/" + Detail.fullName) else { return nil }
    return try? Detail(serialized: detail.value)
  }
}
