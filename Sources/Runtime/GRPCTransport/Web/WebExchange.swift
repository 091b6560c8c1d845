internal import Buffers
internal import Compression
internal import GRPC

/// The bytes of one call that is not plain gRPC: what comes, cut into messages of the wire format,
/// and what goes, in the form that the client reads. It knows no stream; use it on one executor.
final class WebExchange {
  /// Of the request.
  let format: WebFormat
  /// Whether the response is base64, which the request need not be (PROTOCOL-WEB).
  private let responseFormat: WebFormat
  private let coding: Coding
  private let corsFields: [WebField]

  /// What came and is no whole message yet; of a unary Connect call, the body.
  private var frames: MessageReader
  private var body = ByteWriter()
  private var text = Base64Stream()
  /// Why nothing more is read.
  private var problem: RPCError?
  /// Whether the request is whole, whatever payload follows.
  private var isWhole = false
  /// Of a unary call: the message that came, as it came.
  private var request: [UInt8]?
  /// Whether the message that ``next()`` or ``onlyRequest()`` gave last came compressed.
  private(set) var isCompressed = false

  /// The answer to a call that is refused, which waits for the end of the request.
  var refusal: Refusal?
  private var droppedByteCount = 0

  enum Refusal {
    case response(WebResponse)
    case error(RPCError)
  }

  /// Of a unary Connect call, whose status comes before them: what waits for it.
  private var response: [UInt8] = []
  private var responseEncoding: CompressionFormat?
  private var initialMetadata: Metadata = [:]

  /// How messages are turned from and to the wire format, and how large they may be.
  struct Coding {
    var json: MessageJSON?
    /// Whether members of a request's JSON that are no field are passed over.
    var ignoresUnknown = false
    var compression = CallCompression.none
    /// Of the call's executor.
    let compressor: Compressor
    var requestSizeMax = messageSizeMaxDefault
    var responseSizeMax = messageSizeMaxDefault
    var inflationRatioMax = InflationLimits.ratioMaxDefault
    var compressedSizeMin = 0
  }

  init(
    _ format: WebFormat, accept: [String] = [], coding: Coding,
    corsFields: [WebField] = []
  ) {
    self.format = format
    self.coding = coding
    self.corsFields = corsFields
    responseFormat = Self.responseFormat(format, accept)
    frames = MessageReader(sizeMax: coding.requestSizeMax)
    frames.acceptsCompressed = coding.compression.requests != nil
  }

  private static func responseFormat(_ format: WebFormat, _ accept: [String]) -> WebFormat {
    guard !format.isConnect else { return format }
    for type in accept {
      guard let accepted = WebFormat(contentType: type), !accepted.isConnect else { continue }
      return WebFormat(framing: accepted.framing, codec: format.codec)
    }
    return format
  }

  /// Of a refused call: whether it is answered before the end of its request, of which `count`
  /// more bytes came. As many are dropped as a request may have.
  func mustAnswer(afterDropping count: Int) -> Bool {
    droppedByteCount += count
    return droppedByteCount > coding.requestSizeMax
  }

  var compression: CallCompression { coding.compression }

  // MARK: What comes

  /// Takes the message of a call without payload.
  func take(wholeRequest message: RawSpan) {
    append(message)
    isWhole = true
  }

  /// Takes payload. After a problem nothing is kept.
  func append(_ data: RawSpan) {
    guard problem == nil, !isWhole else { return }
    switch format.framing {
    case .connectUnary:
      let size = body.count + data.byteCount
      guard size <= coding.requestSizeMax else {
        problem = .tooLarge(size: size, limit: coding.requestSizeMax)
        return
      }
      body.append(data)
    case .grpcWebText:
      guard frames.append({ text.decode(data, into: &$0) }) else {
        problem = RPCError(.invalidArgument, "The request is not base64.")
        return
      }
    case .grpcWeb, .connectStreaming:
      frames.append(data)
    }
  }

  /// The next message of what came, as it came: ``wire(of:isCompressed:)`` reads it. A body without
  /// frames has none before its end: see ``onlyRequest()``.
  func next() -> MessageReader.Step {
    if let problem { return .broken(problem) }
    guard format.framing != .connectUnary else { return .incomplete }
    let step = frames.next()
    switch step {
    case .incomplete: break
    case .broken(let error): problem = error
    case .message: isCompressed = frames.isCompressed
    }
    return step
  }

  /// Whether a message has begun that is not whole.
  var isTorn: Bool { frames.pendingByteCount > 0 || !text.isWhole }

  /// How many bytes of the request are kept that nobody has taken.
  var keptByteCount: Int { frames.pendingByteCount + body.count + (request?.count ?? 0) }

  /// Of a unary call: takes payload. Throws as soon as it can't become one message.
  func collect(_ data: RawSpan) throws(RPCError) {
    append(data)
    while true {
      switch next() {
      case .incomplete: return
      case .broken(let error): throw error
      case .message(let bytes):
        guard request == nil else { throw .twoRequests }
        request = bytes
      }
    }
  }

  /// Of a unary call whose request has ended: its message, as it came. It can be taken once.
  func onlyRequest() throws(RPCError) -> [UInt8] {
    defer { forgetRequest() }
    if let problem { throw problem }
    if format.framing == .connectUnary {
      isCompressed = coding.compression.requests != nil
      return body.array()
    }
    guard !isTorn else { throw .tornMessage }
    guard let request else { throw .noRequest }
    return request
  }

  /// Drops what was kept of the request.
  func forgetRequest() {
    body.removeAll(keeping: 0)
    _ = frames.take()
    request = nil
  }

  /// How request messages are turned into the wire format.
  var conversion: RequestConversion {
    RequestConversion(
      json: format.codec == .json ? coding.json : nil, ignoresUnknown: coding.ignoresUnknown,
      encoding: coding.compression.requests,
      limits: InflationLimits(sizeMax: coding.requestSizeMax, ratioMax: coding.inflationRatioMax),
      isConnect: format.isConnect)
  }

  /// The wire format of a request message.
  func wire(of message: [UInt8], isCompressed: Bool) throws(RPCError) -> [UInt8] {
    try conversion.wire(of: message, isCompressed: isCompressed, with: coding.compressor)
  }

  // MARK: What goes

  /// The headers of an answer that streams; `nil` if they wait for the status, which says what
  /// they are.
  ///
  /// `encoding` is the one in which messages may be.
  func head(_ metadata: Metadata, encoding: CompressionFormat? = nil) -> WebResponse? {
    guard format.framing != .connectUnary else {
      initialMetadata = metadata
      return nil
    }
    var fields = [WebField("content-type", responseFormat.contentType)] + corsFields
    let prefix = format.isConnect ? "connect" : "grpc"
    if let encoding {
      let name = format.isConnect ? "connect-content-encoding" : "grpc-encoding"
      fields.append(WebField(name, encoding.rawValue))
    }
    if coding.compression.announcesEncodings {
      fields.append(
        WebField("\(prefix)-accept-encoding", CallCompression.acceptedEncodings))
    }
    fields.append(metadata, sizeMax: StatusTrailers.sizeMax)
    return WebResponse(status: "200", fields: fields)
  }

  /// What a response message becomes.
  struct Outgoing: Hashable {
    /// What is written; empty if the message waits for the status.
    var bytes: [UInt8]
    /// The message's size on the wire, without framing.
    var size: Int
  }

  /// A response message as it goes out, compressed as `compression` says.
  func outgoing(
    _ message: [UInt8], _ compression: ServerCall.ResponseFormat? = nil
  ) throws(RPCError) -> Outgoing {
    var payload = message
    if format.codec == .json, let json = coding.json {
      payload = try json.json(ofResponse: message)
    }
    guard payload.count <= coding.responseSizeMax else {
      throw .tooLarge(size: payload.count, limit: coding.responseSizeMax)
    }
    var writer = ByteWriter(capacity: MessageReader.prefixSize + payload.count)
    let size = append(payload, compression, to: &writer)
    let bytes = writer.array()
    guard format.framing != .connectUnary else {
      response = Array(bytes.dropFirst(MessageReader.prefixSize))
      responseEncoding = bytes[0] == 1 ? compression?.format : nil
      return Outgoing(bytes: [], size: size)
    }
    return Outgoing(bytes: text(bytes), size: size)
  }

  /// Appends a frame; gives back the size of what it holds.
  private func append(
    _ payload: [UInt8], _ compression: ServerCall.ResponseFormat?, to writer: inout ByteWriter
  ) -> Int {
    guard let compression else {
      MessageReader.appendPrefix(of: payload.count, to: &writer)
      writer.append(payload)
      return payload.count
    }
    return payload.withBytes { payload in
      coding.compressor.append(
        payload, as: compression.format, sizeMin: coding.compressedSizeMin,
        isForced: compression.isForced, to: &writer)
    }
  }

  /// The bytes that end an answer that streams: its status and trailing metadata.
  func endOfStream(_ error: RPCError?, _ metadata: Metadata) -> [UInt8] {
    guard format.framing == .connectStreaming else {
      return frame(flags: 0x80, GRPCWebTrailers.block(error, metadata))
    }
    var fields: [WebField] = []
    fields.append(metadata, sizeMax: StatusTrailers.sizeMax)
    fields.append(error?.metadata ?? [:], sizeMax: StatusTrailers.sizeMax)
    return frame(flags: 0x02, ConnectJSON.endOfStream(error, fields))
  }

  /// The whole answer to a unary Connect call (Connect, Unary-Response).
  func unaryResponse(_ error: RPCError?, _ metadata: Metadata) -> WebResponse {
    let type = error == nil ? responseFormat.contentType : "application/json"
    var fields = [WebField("content-type", type)] + corsFields
    if error == nil, let responseEncoding {
      fields.append(WebField("content-encoding", responseEncoding.rawValue))
    }
    if error?.code == .unimplemented {
      fields.append(WebField("accept-encoding", CallCompression.acceptedEncodings))
    }
    fields.append(initialMetadata, sizeMax: StatusTrailers.sizeMax)
    for trailing in [metadata, error?.metadata ?? [:]] {
      fields.append(trailing, prefix: "trailer-", sizeMax: StatusTrailers.sizeMax)
    }
    return WebResponse(
      status: (error?.code ?? .ok).httpStatus, fields: fields,
      body: error.map { ConnectJSON.body(of: $0) } ?? response)
  }

  private func frame(flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
    var writer = ByteWriter(capacity: MessageReader.prefixSize + payload.count)
    MessageReader.appendPrefix(of: payload.count, to: &writer)
    writer.replaceByte(at: 0, with: flags)
    writer.append(payload)
    return text(writer.array())
  }

  private func text(_ bytes: [UInt8]) -> [UInt8] {
    responseFormat.framing == .grpcWebText ? Base64Stream.encode(bytes) : bytes
  }
}
