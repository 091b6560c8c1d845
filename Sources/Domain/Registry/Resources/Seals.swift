/// How a resource's secrets rest under a key of the keyring.
package struct Seal: Sendable, Hashable, Comparable {
  /// The key's name in the keyring.
  package let keyName: String
  /// Under a data key that this key seals; else under the key itself, as earlier versions wrote it.
  package let isEnvelope: Bool

  package init(keyName: String, isEnvelope: Bool) {
    self.keyName = keyName
    self.isEnvelope = isEnvelope
  }

  private static let mark = "/data"

  /// As a store keeps it beside the document.
  package var text: String { isEnvelope ? keyName + Self.mark : keyName }

  package init(text: some StringProtocol) {
    isEnvelope = text.hasSuffix(Self.mark)
    keyName = String(isEnvelope ? text.dropLast(Self.mark.count) : text[...])
  }

  package static func < (left: Seal, right: Seal) -> Bool { left.text < right.text }
}

extension [Seal] {
  /// As a store keeps them beside the document: one comparison finds what is not sealed as it
  /// should be.
  package var text: String { map(\.text).joined(separator: ",") }

  package init(text: String) { self = text.split(separator: ",").map { Seal(text: $0) } }
}

extension Provider {
  /// How its secrets are sealed, each way once, sorted.
  package var seals: [Seal] {
    Seal.all(of: secrets.map(\.sealed), dataKey)
  }
}

extension Agent {
  /// How its passwords are sealed, each way once, sorted.
  package var seals: [Seal] {
    Seal.all(of: connections.map(\.target.password), dataKey)
  }
}

extension AgentConnection.Target {
  /// The sealed password, if there is one.
  package var password: SealedSecret? {
    get {
      switch self {
      case .mediaStream: nil
      case .sip(_, let login): login?.password
      }
    }
    set {
      guard case .sip(let uri, var login?) = self else { return }
      login.password = newValue
      self = .sip(uri: uri, login: login)
    }
  }
}

extension Seal {
  fileprivate static func all(of secrets: [SealedSecret?], _ dataKey: SealedDataKey?) -> [Seal] {
    let seals = secrets.compactMap { secret -> Seal? in
      guard let secret else { return nil }
      if let dataKey, secret.keyName == dataKey.id {
        return Seal(keyName: dataKey.keyName, isEnvelope: true)
      }
      return Seal(keyName: secret.keyName, isEnvelope: false)
    }
    return Set(seals).sorted()
  }
}
