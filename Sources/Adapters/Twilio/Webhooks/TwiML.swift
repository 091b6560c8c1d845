package import CallDispatch
package import Telephony

/// Why a plan has no TwiML.
package enum TwiMLError: Error, Sendable, Hashable {
  /// Twilio takes no larger document.
  case tooLarge(limit: Int)
  /// `<Stream>` takes a `wss` URL without query.
  case streamURLNotAllowed
  /// `<Sip>` takes `sip:` and `sips:`.
  case sipURINotAllowed
  /// The plan's login has a sealed password, and nobody opened it.
  case sipPasswordMissing
}

/// TwiML documents: what a voice webhook answers. Pure.
///
/// Source: twilio.com/docs/voice/twiml.
package enum TwiML {
  /// The media type of every document.
  package static let contentType = "text/xml; charset=utf-8"
  /// Twilio refuses documents over 64 KiB (error 11750 beyond that).
  package static let byteCountMax = 64 << 10

  /// The document for an answer. `sipPassword` is the opened password of a login that has one.
  package static func render(
    _ answer: CallAnswer, sipPassword: Secret? = nil
  ) throws(TwiMLError) -> String {
    switch answer {
    case .connect(.mediaStream(let url, let parameters)):
      try stream(url: url, parameters: parameters)
    case .connect(.sip(let uri, let login)):
      try dial(sip: uri, login: login, password: sipPassword)
    case .reject(let reason): try document("<Reject reason=\"\(reason.rawValue)\"/>")
    case .redirect(let url, let method):
      try document("<Redirect method=\"\(method.rawValue)\">\(escape(url))</Redirect>")
    case .hangUp: try document("<Hangup/>")
    }
  }

  private static func stream(
    url: String, parameters: [StreamParameter]
  ) throws(TwiMLError) -> String {
    guard url.hasPrefix("wss://"), !url.contains(where: { "?# ".contains($0) }) else {
      throw .streamURLNotAllowed
    }
    let inner = parameters.map { parameter in
      "<Parameter name=\"\(escape(parameter.name))\" value=\"\(escape(parameter.value))\"/>"
    }
    return try document(
      "<Connect><Stream url=\"\(escape(url))\">\(inner.joined())</Stream></Connect>")
  }

  /// The caller hears ringing until the agent answers, and is not billed before.
  private static func dial(
    sip uri: String, login: SIPLogin?, password: Secret?
  ) throws(TwiMLError) -> String {
    guard uri.hasPrefix("sip:") || uri.hasPrefix("sips:"), !uri.contains(" ") else {
      throw .sipURINotAllowed
    }
    var attributes = ""
    if let login {
      attributes = " username=\"\(escape(login.username))\""
      if login.password != nil {
        guard let password else { throw .sipPasswordMissing }
        let text = String(decoding: password.revealed, as: UTF8.self)
        attributes += " password=\"\(escape(text))\""
      }
    }
    return try document(
      "<Dial answerOnBridge=\"true\"><Sip\(attributes)>\(escape(uri))</Sip></Dial>")
  }

  private static func document(_ verbs: String) throws(TwiMLError) -> String {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>\(verbs)</Response>\n"
    guard text.utf8.count <= byteCountMax else { throw .tooLarge(limit: byteCountMax) }
    return text
  }

  /// `text` as content or attribute. What no XML 1.0 document may hold becomes U+FFFD; white space
  /// is written as references, or an attribute would lose it.
  static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&apos;"
      case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
      case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
