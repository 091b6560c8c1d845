extension Provider {
  /// The names of the keys that its secrets are sealed under, each once, sorted.
  package var sealKeyNames: [String] {
    switch configuration {
    case .twilio(let twilio):
      [twilio.apiKey?.secret.keyName, twilio.authToken?.keyName].compactMap(\.self).distinct
    }
  }
}

extension Agent {
  /// The names of the keys that its passwords are sealed under, each once, sorted.
  package var sealKeyNames: [String] {
    connections.compactMap { connection in
      switch connection.target {
      case .mediaStream: nil
      case .sip(_, let login): login?.password?.keyName
      }
    }.distinct
  }
}

extension [String] {
  fileprivate var distinct: [String] { Set(self).sorted() }
}
