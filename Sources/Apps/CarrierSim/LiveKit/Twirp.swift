internal import Buffers
internal import Protobuf

/// How a Twirp request and its answer are written.
enum TwirpEncoding: Sendable, Hashable {
  case json, protobuf

  /// By `Content-Type`; nil for any other.
  init?(contentType: String?) {
    let type = (contentType ?? "").prefix { $0 != ";" }.lowercased()
    switch type.trimmingSuffix(" ") {
    case "application/json": self = .json
    case "application/protobuf": self = .protobuf
    default: return nil
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self[...]
    while text.last == character { text.removeLast() }
    return String(text)
  }
}

/// An error as Twirp tells it: JSON, whatever the request was.
///
/// Source: twitchtv.github.io/twirp/docs/spec_v7.html.
struct TwirpError: Error, Sendable, Hashable {
  enum Code: String, Sendable, CaseIterable {
    case canceled, unknown, malformed, aborted, unimplemented, `internal`, unavailable
    case invalidArgument = "invalid_argument"
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case badRoute = "bad_route"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case unauthenticated
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"

    var status: Int {
      switch self {
      case .canceled, .deadlineExceeded: 408
      case .invalidArgument, .malformed: 400
      case .notFound, .badRoute: 404
      case .alreadyExists, .aborted: 409
      case .permissionDenied: 403
      case .unauthenticated: 401
      case .resourceExhausted: 429
      case .failedPrecondition: 412
      case .unimplemented: 501
      case .internal, .unknown: 500
      case .unavailable: 503
      }
    }

    /// The code that a status stands for, when nothing is said but the status.
    init(status: Int) {
      switch status {
      case 400: self = .invalidArgument
      case 401: self = .unauthenticated
      case 403: self = .permissionDenied
      case 404: self = .notFound
      case 408: self = .deadlineExceeded
      case 409: self = .alreadyExists
      case 412: self = .failedPrecondition
      case 429: self = .resourceExhausted
      case 501: self = .unimplemented
      case 502, 503, 504: self = .unavailable
      default: self = .internal
      }
    }
  }

  var code: Code
  var message: String
  var meta: [(name: String, value: String)] = []

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  static func invalid(_ message: String) -> TwirpError { TwirpError(.invalidArgument, message) }
  static func missing(_ what: String) -> TwirpError {
    TwirpError(.notFound, "requested \(what) does not exist")
  }

  var answer: SimulatorAnswer { answer(code.status) }

  /// The same error under another status, as a proxy in between might do it.
  func answer(_ status: Int) -> SimulatorAnswer {
    var members: [JSON.Member] = [
      .init(name: "code", value: .string(code.rawValue)),
      .init(name: "msg", value: .string(message)),
    ]
    if !meta.isEmpty {
      let shown = meta.map { JSON.Member(name: $0.name, value: .string($0.value)) }
      members.append(.init(name: "meta", value: .object(shown)))
    }
    return SimulatorAnswer(status, .object(members))
  }

  static func == (left: TwirpError, right: TwirpError) -> Bool {
    left.code == right.code && left.message == right.message
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(message)
  }
}

/// A request that has been let in.
struct TwirpCall: Sendable {
  /// As in `livekit.SIP/CreateSIPInboundTrunk`.
  let method: String
  let encoding: TwirpEncoding
  let body: [UInt8]
  let grants: LiveKitGrants
  let id: RequestID

  /// Reads the request, lets `carryOut` answer it, and writes the answer.
  func answer<Request: GeneratedMessage, Response: GeneratedMessage>(
    _ carryOut: (Request) throws(TwirpError) -> Response
  ) throws(TwirpError) -> SimulatorAnswer {
    try encoding.write(carryOut(read()))
  }

  func read<Request: GeneratedMessage>() throws(TwirpError) -> Request {
    switch encoding {
    case .protobuf:
      do throws(DecodingError) {
        return try Request(serialized: body)
      } catch {
        throw TwirpError(.malformed, "the protobuf request could not be decoded")
      }
    case .json:
      do throws(JSONError) {
        return try Request(json: body, options: JSONOptions(ignoresUnknown: true))
      } catch {
        throw TwirpError(.malformed, "the json request could not be decoded: \(error)")
      }
    }
  }
}

extension TwirpEncoding {
  /// JSON has the names of the contract, and members that hold their default too.
  func write(_ message: some GeneratedMessage) throws(TwirpError) -> SimulatorAnswer {
    switch self {
    case .protobuf:
      return SimulatorAnswer(
        200, contentType: "application/protobuf", body: message.serialized())
    case .json:
      do throws(JSONError) {
        let text = try message.json(JSONOptions(writesDefaults: true, usesProtoNames: true))
        return SimulatorAnswer(200, contentType: "application/json", body: Array(text.utf8))
      } catch {
        throw TwirpError(.internal, "the answer has no JSON form: \(error)")
      }
    }
  }
}
