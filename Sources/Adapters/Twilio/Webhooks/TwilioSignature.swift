internal import Buffers
package import CallDispatch
internal import Crypto
package import Telephony

/// `X-Twilio-Signature`: HMAC-SHA1 under the account's Auth Token over URL and parameters.
///
/// Source: twilio.com/docs/usage/security, and the forms that Twilio's own libraries accept.
package enum TwilioSignature {
  /// Whether `signature` was made with `token` over a form post (or a GET, without parameters).
  ///
  /// `url` is the one that Twilio was given, with its query; never one made of the Host header. It
  /// counts with its port, without, with the standard one, and with its query in the older
  /// encoding: proxies and Twilio disagree about them. Every form is looked at, in constant time.
  package static func accepts(
    _ signature: String, url: String, parameters: [WebhookParameter], token: Secret
  ) -> Bool {
    guard let given = Base64.decode(signature.utf8, .exact), given.count == 20 else { return false }
    let rest = signedForm(of: parameters)
    var isRight = false
    for form in urlForms(url) {
      let code = HMAC.code(.sha1, key: token.revealed, message: Array(form.utf8) + rest)
      // No early end: how long it takes does not tell which form it was.
      isRight = constantTimeEquals(code, given) || isRight
    }
    return isRight
  }

  /// Whether `signature` was made over a JSON post: the URL alone is signed, and its `bodySHA256`
  /// is the body's.
  package static func accepts(
    _ signature: String, url: String, body: [UInt8], token: Secret
  ) -> Bool {
    guard let hash = bodyHash(in: url) else { return false }
    let isBodyRight = constantTimeEquals(Array(Hex.encode(SHA256.digest(body)).utf8), hash)
    return accepts(signature, url: url, parameters: [], token: token) && isBodyRight
  }

  /// The signature of a form post, as Twilio makes it.
  package static func signature(
    url: String, parameters: [WebhookParameter], token: Secret
  ) -> String {
    let message = Array(url.utf8) + signedForm(of: parameters)
    return Base64.encode(HMAC.code(.sha1, key: token.revealed, message: message))
  }

  /// Names in ascending order, each followed by its value; several values of one name sorted, and
  /// each once. All of it by bytes: what Unicode holds for equal, as the two ways to write an "é",
  /// is two values here.
  private static func signedForm(of parameters: [WebhookParameter]) -> [UInt8] {
    let fields = parameters.map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }
      .sorted { left, right in
        left.name == right.name
          ? left.value.lexicographicallyPrecedes(right.value)
          : left.name.lexicographicallyPrecedes(right.name)
      }
    var bytes: [UInt8] = []
    var last: (name: [UInt8], value: [UInt8])?
    for field in fields {
      if let last, last == field { continue }
      bytes += field.name + field.value
      last = field
    }
    return bytes
  }

  private static func bodyHash(in url: String) -> [UInt8]? {
    guard let question = url.firstIndex(of: "?") else { return nil }
    let fields = url[url.index(after: question)...].split(separator: "&")
    return fields.first { $0.hasPrefix("bodySHA256=") }.map { Array($0.utf8.dropFirst(11)) }
  }

  // MARK: The forms of a URL

  static func urlForms(_ url: String) -> [String] {
    let withoutFragment = String(url.prefix { $0 != "#" })
    var forms = [withoutFragment]
    if let parts = URLParts(withoutFragment) {
      forms.append(parts.head + parts.tail)
      forms.append(parts.head + ":" + (parts.port ?? parts.standardPort) + parts.tail)
    }
    for form in forms {
      if let legacy = legacyQuery(form) { forms.append(legacy) }
    }
    var seen: Set<String> = []
    return forms.filter { seen.insert($0).inserted }
  }

  /// A URL cut around its port.
  private struct URLParts {
    /// Scheme, user and host.
    var head: String
    var port: String?
    /// Path and query.
    var tail: String
    var standardPort: String

    init?(_ url: String) {
      guard let scheme = ["https://", "http://"].first(where: { url.hasPrefix($0) }) else {
        return nil
      }
      standardPort = scheme == "https://" ? "443" : "80"
      let rest = url.dropFirst(scheme.count)
      let authority = rest.prefix { $0 != "/" && $0 != "?" }
      tail = String(rest.dropFirst(authority.count))
      let hostStart = authority.lastIndex(of: "@").map { authority.index(after: $0) }
      let host = authority[(hostStart ?? authority.startIndex)...]
      // An IPv6 address holds colons of its own, within brackets.
      let afterBracket = host.lastIndex(of: "]") ?? host.startIndex
      if let colon = host[afterBracket...].lastIndex(of: ":") {
        port = String(host[host.index(after: colon)...])
        head = scheme + authority[..<colon]
      } else {
        port = nil
        head = scheme + authority
      }
    }
  }

  /// The query taken apart and put together again, as an older library did; nil without one.
  private static func legacyQuery(_ url: String) -> String? {
    guard let question = url.firstIndex(of: "?") else { return nil }
    let fields = url[url.index(after: question)...].split(separator: "&").map { field in
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return parts.count == 2
        ? recode(parts[0]) + "=" + recode(parts[1]) : recode(field) + "="
    }
    return url[...question] + fields.joined(separator: "&")
  }

  private static func recode(_ text: Substring) -> String {
    let bytes = FormEncoding.decode(text.utf8) ?? Array(text.utf8)
    return FormEncoding.encode(bytes) { byte in
      FormEncoding.isAlphanumeric(byte) || "-_.!~*'()".utf8.contains(byte)
    }
  }
}

/// The signature as call dispatch's port.
package struct TwilioWebhookSigner: WebhookSigner {
  package init() {}

  package func accepts(
    _ signature: String, url: String, parameters: [WebhookParameter], token: Secret
  ) -> Bool {
    TwilioSignature.accepts(signature, url: url, parameters: parameters, token: token)
  }
}
