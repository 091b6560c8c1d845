internal import GRPC
internal import Synchronization

/// What a client asks of the echo service beside its requests, in metadata:
///
/// - `x-echo`, `x-echo-bin`: all values come back as initial and as trailing metadata.
/// - `x-whoami`: who the server thinks is calling comes back as initial metadata: `x-peer`, and of
///   a verified certificate `x-subject`, `x-dns`, `x-uri` and `x-spiffe`.
/// - `x-compress`: whether responses are compressed, "true" or "false". The trailing metadata
///   `x-compressed-requests` says for each request message whether it came compressed, "1" or "0".
/// - `x-id`: the name under which the cause is kept if the call is cancelled while it waits.
/// - `x-cause-of`: that name; the cause comes back as trailing metadata `x-cause`.
/// - `grpc-previous-rpc-attempts`: comes back as `x-attempts`, with a push-back of 100 ms.
final class EchoMetadata: Sendable {
  /// How many causes are kept; then all are forgotten.
  private static let causeCountMax = 1000

  private let causes = Mutex<[String: CancellationCause]>([:])

  func answer(_ context: ServerContext) {
    let metadata = context.metadata
    var initial = Metadata()
    for text in metadata.texts("x-echo") { initial.append(text, for: "x-echo") }
    if metadata["x-whoami"] != nil { initial = Self.caller(context) }
    if !initial.isEmpty { context.setInitialMetadata(initial) }
    var trailing = Metadata()
    for bytes in metadata.binaries("x-echo-bin") { trailing.append(bytes, for: "x-echo-bin") }
    if let id = metadata["x-cause-of"], let cause = causes.withLock({ $0[id] }) {
      trailing["x-cause"] = "\(cause)"
    }
    if metadata["grpc-previous-rpc-attempts"] != nil {
      trailing["x-attempts"] = "\(context.previousAttemptCount)"
      trailing["grpc-retry-pushback-ms"] = "100"
    }
    if let text = metadata["x-compress"] {
      context.setCompressesResponses(text == "true")
      if context.method.kind == .unary {
        trailing["x-compressed-requests"] = context.isRequestCompressed ? "1" : "0"
      }
    }
    if !trailing.isEmpty { context.setTrailingMetadata(trailing) }
  }

  private static func caller(_ context: ServerContext) -> Metadata {
    guard let identity = context.peerIdentity else { return ["x-peer": .text(context.peer)] }
    return [
      "x-peer": .text(context.peer), "x-subject": .text(identity.subject),
      "x-dns": .text(identity.dnsNames.joined(separator: ",")),
      "x-uri": .text(identity.uris.joined(separator: ",")),
      "x-spiffe": .text(identity.spiffeID ?? ""),
    ]
  }

  /// Adds to what is said of the request messages of a stream.
  func noteCompression(_ context: ServerContext) {
    guard context.metadata["x-compress"] != nil else { return }
    var trailing = context.trailingMetadata
    let before = trailing["x-compressed-requests"] ?? ""
    trailing["x-compressed-requests"] = before + (context.isRequestCompressed ? "1" : "0")
    context.setTrailingMetadata(trailing)
  }

  /// Keeps why the call was cancelled.
  func note(_ context: ServerContext) {
    guard let id = context.metadata["x-id"], let cause = context.cancellationCause else { return }
    causes.withLock { causes in
      if causes.count >= Self.causeCountMax { causes.removeAll() }
      causes[id] = cause
    }
  }
}
