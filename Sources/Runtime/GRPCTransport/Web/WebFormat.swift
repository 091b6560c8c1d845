internal import GRPC

/// How a call's bytes look where it is not plain gRPC: what its content type says.
struct WebFormat: Hashable, Sendable {
  enum Framing: Hashable, Sendable {
    /// gRPC's frames, and the trailers as the last of them (PROTOCOL-WEB).
    case grpcWeb
    /// The same in base64.
    case grpcWebText
    /// One message each way, without a frame (Connect, Unary-Request).
    case connectUnary
    /// gRPC's frames, and the end of the stream as the last of them (Connect, Streaming-Request).
    case connectStreaming
  }

  enum Codec: Hashable, Sendable {
    case proto
    case json
  }

  var framing: Framing
  var codec: Codec

  /// What stands for a request in no format at all.
  static let http = WebFormat(framing: .connectUnary, codec: .proto)

  var isConnect: Bool { framing == .connectUnary || framing == .connectStreaming }

  /// What the response's content type is.
  var contentType: String {
    let codec = codec == .proto ? "proto" : "json"
    return switch framing {
    case .grpcWeb: "application/grpc-web+\(codec)"
    case .grpcWebText: "application/grpc-web-text+\(codec)"
    case .connectUnary: "application/\(codec)"
    case .connectStreaming: "application/connect+\(codec)"
    }
  }

  /// Whether a method of `kind` can be called this way: in Connect the content type says whether
  /// the call streams.
  func serves(_ kind: MethodKind) -> Bool {
    switch framing {
    case .grpcWeb, .grpcWebText: true
    case .connectUnary: kind == .unary
    case .connectStreaming: kind != .unary
    }
  }

  /// What `Accept-Post` lists for a method of `kind`; for one that is not known without it.
  static func acceptedTypes(for kind: MethodKind?) -> String {
    let grpc = [
      "application/grpc", "application/grpc+proto", "application/grpc-web",
      "application/grpc-web+proto", "application/grpc-web+json", "application/grpc-web-text",
      "application/grpc-web-text+proto",
    ]
    let unary = ["application/proto", "application/json"]
    let streaming = ["application/connect+proto", "application/connect+json"]
    let all =
      switch kind {
      case nil: grpc + unary + streaming
      case .unary: grpc + unary
      case .clientStreaming, .serverStreaming, .bidirectionalStreaming: grpc + streaming
      }
    return all.joined(separator: ", ")
  }
}

extension WebFormat {
  /// The format that a content type names (RFC 9110, section 8.3); `nil` for any other type, and
  /// for text that is not UTF-8.
  init?(contentType: String) {
    let parts = contentType.lowercased().split(separator: ";", omittingEmptySubsequences: false)
      .map { $0.trimming(" ") }
    for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
      let charset = parameter.dropFirst("charset=".count).trimming("\"")
      guard charset == "utf-8" || charset == "utf8" else { return nil }
    }
    switch parts.first {
    case "application/grpc-web", "application/grpc-web+proto":
      self.init(framing: .grpcWeb, codec: .proto)
    case "application/grpc-web+json":
      self.init(framing: .grpcWeb, codec: .json)
    case "application/grpc-web-text", "application/grpc-web-text+proto":
      self.init(framing: .grpcWebText, codec: .proto)
    case "application/proto":
      self.init(framing: .connectUnary, codec: .proto)
    case "application/json":
      self.init(framing: .connectUnary, codec: .json)
    case "application/connect+proto":
      self.init(framing: .connectStreaming, codec: .proto)
    case "application/connect+json":
      self.init(framing: .connectStreaming, codec: .json)
    default:
      return nil
    }
  }
}

extension StringProtocol {
  /// Without every `character` at both ends.
  func trimming(_ character: Character) -> String {
    var text = self[...]
    while text.first == character { text = text.dropFirst() }
    while text.last == character { text = text.dropLast() }
    return String(text)
  }

  /// The elements of a list in a header, lower-case, without the weights (RFC 9110, section 5.6.1).
  var listElements: [String] {
    split(separator: ",").compactMap { element in
      element.split(separator: ";").first.map { $0.trimming(" ").lowercased() }
    }
  }
}
