internal import Buffers
internal import HTTP2
internal import Telemetry

@testable internal import GRPC
@testable internal import GRPCTransport

/// The gRPC frame reader: what it finds must not depend on how the bytes were cut.
enum FrameTarget {
  private static let sizeMax = 1 << 12

  @Sendable static func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    let acceptsCompressed = first & 1 != 0
    let whole = messages(bytes, chunk: max(bytes.count, 1), acceptsCompressed)
    let cut = messages(bytes, chunk: Int(first >> 1) % 17 + 1, acceptsCompressed)
    precondition(whole == cut, "chunks change what is read")
  }

  /// The messages, and how many bytes were left over or -1 for a broken message.
  private static func messages(
    _ bytes: [UInt8], chunk: Int, _ acceptsCompressed: Bool
  ) -> [[UInt8]] {
    var reader = MessageReader(sizeMax: sizeMax)
    reader.acceptsCompressed = acceptsCompressed
    var found: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      let end = min(start + chunk, bytes.count)
      bytes.withBytes { reader.append($0.extracting(start..<end)) }
      start = end
      reading: while true {
        switch reader.next() {
        case .message(let message):
          precondition(message.count <= sizeMax, "a message over the limit")
          found.append(message + [reader.isCompressed ? 1 : 0])
        case .incomplete: break reading
        case .broken(let error): return found + [Array(error.description.utf8)]
        }
      }
    }
    return found + [Array("\(reader.pendingByteCount)".utf8)]
  }
}

/// Metadata as a peer sends it, "name NUL value".
enum MetadataTarget {
  @Sendable static func run(_ input: [UInt8]) {
    let cut = input.firstIndex(of: 0) ?? input.count
    let name = Array(input[..<cut])
    let value = Array(input[min(cut + 1, input.count)...])
    var block = MetadataBlock()
    let arrival = name.withBytes { name in
      value.withBytes { value in block.append(name: name, value: value) }
    }
    let metadata = block.metadata()
    precondition(arrival == .taken || metadata.isEmpty, "what was refused was kept")
    for entry in metadata {
      guard case .binary(let bytes) = entry.value else { continue }
      precondition(Base64.decode(Array(Base64.encode(bytes).utf8)) == bytes, "base64 is not exact")
    }
    _ = metadata[String(decoding: name, as: UTF8.self)]
  }
}

/// grpc-timeout.
enum TimeoutTarget {
  @Sendable static func run(_ input: [UInt8]) {
    guard let duration = input.withBytes({ GRPCTimeout.decode($0) }) else { return }
    let again = Array(GRPCTimeout.encode(duration).utf8)
    guard let second = again.withBytes({ GRPCTimeout.decode($0) }) else {
      preconditionFailure("a timeout that we write is not one that we read")
    }
    precondition(second <= duration, "a timeout grows on its way")
  }
}

/// grpc-message and grpc-status-details-bin.
enum StatusTarget {
  @Sendable static func run(_ input: [UInt8]) {
    let text = PercentEncoding.decode(input)
    let encoded = Array(PercentEncoding.encode(text).utf8)
    precondition(encoded.allSatisfy { (0x20...0x7e).contains($0) }, "a message is not ASCII")
    precondition(PercentEncoding.decode(encoded) == text, "a message changes on its way")
    if let details = Base64.decode(input) {
      var error = RPCError(.internal, text)
      error.takeDetails(encoded: details)
      let list = StatusTrailers.fields(error, [:])
      precondition(list.size <= StatusTrailers.sizeMax, "trailers over their limit")
    }
  }
}

/// traceparent.
enum TraceTarget {
  @Sendable static func run(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    guard let context = TraceContext(traceparent: text, tracestate: text) else { return }
    let again = TraceContext(traceparent: context.traceparent, tracestate: context.state)
    precondition(again == context, "a trace context changes on its way")
  }
}
