/// Why Twilio does not carry out what a webhook answered. The code is its error dictionary's.
package struct TwiMLProblem: Error, Sendable, Hashable {
  package var code: Int
  package var message: String

  static func schema(_ message: String) -> TwiMLProblem {
    TwiMLProblem(code: 12200, message: message)
  }
}

/// A TwiML document that Twilio would carry out: well-formed, known verbs, allowed nesting.
package struct TwiMLDocument: Sendable, Hashable {
  /// In their order; checked against ``TwiMLSchema``.
  package let verbs: [XMLElement]

  /// Twilio takes no larger document (error 11750).
  package static let byteCountMax = 64 << 10
  /// The name and the value of a `<Parameter>` together are shorter.
  static let parameterLengthMax = 500
  /// A SIP URI in a `<Sip>`, without its headers.
  static let sipURILengthMax = 255
  /// The headers in a SIP URI.
  static let sipHeadersLengthMax = 1024

  /// Reads a webhook's answer. Plain text is spoken; another media type is refused (12300).
  package init(body: [UInt8], contentType: String?) throws(TwiMLProblem) {
    guard body.count <= Self.byteCountMax else {
      throw TwiMLProblem(code: 11750, message: "The document is over 64 KiB.")
    }
    let mediaType = (contentType ?? "").prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    switch mediaType {
    case "text/xml", "application/xml", "text/html": try self.init(xml: body)
    case "text/plain":
      let text = String(decoding: body, as: UTF8.self)
      self.init(verbs: [XMLElement(name: "Say", children: [.text(text)])])
    default:
      throw TwiMLProblem(code: 12300, message: "The content type is \(mediaType).")
    }
  }

  private init(verbs: [XMLElement]) { self.verbs = verbs }

  /// Reads a document without knowing where it came from, as POST Calls' Twiml.
  package init(xml bytes: [UInt8]) throws(TwiMLProblem) {
    let root: XMLElement
    do {
      root = try XMLReader.document(bytes)
    } catch {
      throw TwiMLProblem(code: 12100, message: error.description)
    }
    guard root.name == "Response" else {
      throw .schema("The root element is \(root.name) and not Response.")
    }
    try Self.check(root)
    verbs = root.elements
  }

  private static func check(_ element: XMLElement) throws(TwiMLProblem) {
    guard let rule = TwiMLSchema.rule(element.name) else {
      throw .schema("\(element.name) is no TwiML element.")
    }
    for attribute in element.attributes {
      guard rule.isOpen || rule.attributes[attribute.name] != nil else {
        throw .schema("\(element.name) has no attribute \(attribute.name).")
      }
      guard rule.attributes[attribute.name]?.accepts(attribute.value) ?? true else {
        throw .schema("\(attribute.name)=\"\(attribute.value)\" is not allowed.")
      }
    }
    for name in rule.required.sorted() where element[name] == nil {
      throw .schema("\(element.name) needs the attribute \(name).")
    }
    switch rule.text {
    case .none where !element.text.isEmpty:
      throw .schema("\(element.name) holds text.")
    case .required where element.text.isEmpty:
      throw .schema("\(element.name) is empty.")
    case .none, .required, .allowed: break
    }
    guard rule.childCount.contains(element.elements.count) else {
      throw .schema("\(element.name) holds \(element.elements.count) elements.")
    }
    for child in element.elements {
      guard rule.children.contains(child.name) else {
        throw .schema("\(child.name) is not allowed in \(element.name).")
      }
      try check(child)
    }
    try checkMeaning(element)
  }

  private static func checkMeaning(_ element: XMLElement) throws(TwiMLProblem) {
    switch element.name {
    case "Connect":
      let track = element.elements.first?["track"] ?? "inbound_track"
      guard track == "inbound_track" else {
        throw TwiMLProblem(code: 31941, message: "A two-way stream has the inbound track only.")
      }
    case "Start":
      if let stream = element.elements.first, stream.name == "Stream" { try checkStream(stream) }
    case "Parameter":
      let length = (element["name"] ?? "").utf8.count + (element["value"] ?? "").utf8.count
      guard length < parameterLengthMax else {
        throw .schema("A parameter is \(length) bytes; the limit is \(parameterLengthMax).")
      }
    case "Sip": try checkSIP(element.text)
    case "Number", "Redirect", "Dial", "Stream", "Play": try checkTarget(element)
    default: break
    }
    if element.name == "Connect", let stream = element.elements.first, stream.name == "Stream" {
      try checkStream(stream)
    }
  }

  private static func checkTarget(_ element: XMLElement) throws(TwiMLProblem) {
    switch element.name {
    case "Dial" where element.text.isEmpty && element.elements.isEmpty:
      throw TwiMLProblem(code: 13201, message: "Dial names nobody to dial.")
    case "Play" where element.text.isEmpty && element["digits"] == nil:
      throw .schema("Play is empty.")
    default: break
    }
  }

  /// A stream that begins needs a `wss` URL; a query is not passed on, so it is refused.
  private static func checkStream(_ stream: XMLElement) throws(TwiMLProblem) {
    guard let url = stream["url"] ?? stream["connectorName"] else {
      throw .schema("Stream has no url.")
    }
    guard stream["url"] != nil else { return }
    guard url.hasPrefix("wss://"), url.utf8.count > 6, !url.contains(" ") else {
      throw .schema("A stream's url begins with wss://.")
    }
    guard !url.contains("?"), !url.contains("#") else {
      throw .schema("A stream's url has no query; use Parameter.")
    }
  }

  private static func checkSIP(_ uri: String) throws(TwiMLProblem) {
    let halves = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard uri.hasPrefix("sip:") || uri.hasPrefix("sips:"), !uri.contains(" "),
      halves[0].utf8.count <= sipURILengthMax, halves[0].contains("@") || halves[0].count > 5
    else { throw TwiMLProblem(code: 13223, message: "The SIP URI is not valid.") }
    guard halves.count == 1 || halves[1].utf8.count <= sipHeadersLengthMax else {
      throw TwiMLProblem(code: 13223, message: "The SIP headers are over 1,024 bytes.")
    }
  }
}
