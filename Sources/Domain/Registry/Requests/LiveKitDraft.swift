internal import Telephony

/// A LiveKit server that was found good, as far as its form goes, its secret in the clear.
struct LiveKitDraft: Sendable {
  let url: String
  let apiKey: String
  let apiSecret: Secret
  /// nil: what follows from `url`.
  let sipHost: String?

  init?(
    _ input: LiveKitInput, allowsPlain: Bool, _ validator: inout Validator
  ) {
    let url = Self.url(input.url, allowsPlain: allowsPlain, &validator)
    let isKey = Self.check(key: input.apiKey, &validator)
    let secret = Self.secret(input.apiSecret, &validator)
    sipHost = Self.sipHost(input.sipHost, &validator)
    guard let url, isKey, let secret else { return nil }
    self.url = url
    self.apiKey = input.apiKey
    self.apiSecret = secret
  }

  var key: String { "lk/\(url)/\(apiKey)" }

  func access() -> GatewayAccess {
    GatewayAccess(url: url, apiKey: apiKey, apiSecret: apiSecret)
  }

  static let field = "provider.livekit"

  /// In small letters and without the scheme's own port, so that a server has one address.
  static func url(
    _ text: String, allowsPlain: Bool, _ validator: inout Validator
  ) -> String? {
    let field = "\(field).url"
    guard !text.isEmpty else {
      validator.refuse(
        field, .required, "The address is missing. It is like https://livekit.example.com.")
      return nil
    }
    guard text.utf8.count <= RegistryLimits.gatewayURLLengthMax else {
      validator.refuse(
        field, .tooLong,
        "The address has \(text.utf8.count) bytes; the limit is "
          + "\(RegistryLimits.gatewayURLLengthMax).")
      return nil
    }
    let small = text.lowercased()
    let scheme = small.prefix { $0 != ":" }
    guard scheme == "https" || scheme == "http", small.dropFirst(scheme.count).hasPrefix("://")
    else {
      validator.refuse(
        field, .malformed,
        "The address begins with https://. Where clients of LiveKit take wss://, write https://.")
      return nil
    }
    var host = small.dropFirst(scheme.count + 3)
    guard !host.contains(where: { "/?#@".contains($0) }) else {
      validator.refuse(
        field, .malformed, "The address is scheme, host and port alone: leave out what follows.")
      return nil
    }
    guard HostText.isHostAndPort(host) else {
      validator.refuse(field, .malformed, "The address has no good host after \(scheme)://.")
      return nil
    }
    guard scheme == "https" || allowsPlain || HostText.isLoopback(host) else {
      validator.refuse(
        field, .malformed,
        "Without TLS whoever listens could use the tokens. Take https://; http:// is for this "
          + "machine alone.")
      return nil
    }
    let port = scheme == "https" ? ":443" : ":80"
    if host.hasSuffix(port) { host = host.dropLast(port.count) }
    return "\(scheme)://\(host)"
  }

  /// In small letters; nil when it is empty, or was refused.
  static func sipHost(_ text: String, _ validator: inout Validator) -> String? {
    guard !text.isEmpty else { return nil }
    let small = text.lowercased()
    guard text.utf8.count <= RegistryLimits.gatewayURLLengthMax, HostText.isHostAndPort(small[...])
    else {
      validator.refuse(
        "\(field).sip_host", .malformed,
        "It is a host with an optional port, as project.sip.livekit.cloud: no scheme, user or "
          + "parameter.")
      return nil
    }
    return small
  }

  static func check(key: String, _ validator: inout Validator) -> Bool {
    let field = "\(field).api_key"
    guard !key.isEmpty else {
      validator.refuse(field, .required, "The API key is missing. It often begins with API.")
      return false
    }
    let isGood =
      key.utf8.count <= RegistryLimits.gatewayKeyLengthMax
      && key.utf8.allSatisfy { $0.isLetterOrDigit || "-_.".utf8.contains($0) }
    if !isGood {
      validator.refuse(
        field, .malformed,
        "An API key is 1 to \(RegistryLimits.gatewayKeyLengthMax) characters of "
          + "A-Z a-z 0-9 - _ . ; what a read shows is masked and is none.")
    }
    return isGood
  }

  private static func secret(_ secret: Secret?, _ validator: inout Validator) -> Secret? {
    guard let secret, !secret.isEmpty else {
      validator.refuse(
        "\(field).api_secret", .required, "The key has no secret: give api_secret with it.")
      return nil
    }
    validator.secret(
      "\(field).api_secret", secret, lengthMax: RegistryLimits.secretLengthMax)
    return secret
  }
}

extension RequestBody {
  mutating func add(_ input: LiveKitInput) {
    add("livekit")
    add(input.url)
    add(input.apiKey)
    add(input.apiSecret)
    add(input.sipHost)
  }
}
