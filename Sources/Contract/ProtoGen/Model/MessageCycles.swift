/// Which messages contain themselves.
struct MessageCycles {
  /// The messages of each message's fields, maps' values included.
  private var contained: [String: Set<String>] = [:]
  /// Those of its singular fields, which a Swift value would hold in place.
  private var inline: [String: Set<String>] = [:]

  init(files: [FileProto]) {
    for file in files {
      for message in file.messages { add(message, file.package) }
    }
  }

  private mutating func add(_ message: MessageProto, _ prefix: String) {
    let fullName = prefix.isEmpty ? message.name : "\(prefix).\(message.name)"
    contained[fullName] = []
    inline[fullName] = []
    for field in message.fields where field.kind == .message {
      let target = String(field.typeName.dropFirst())
      contained[fullName, default: []].insert(target)
      if field.label != .repeated { inline[fullName, default: []].insert(target) }
    }
    for nested in message.nested { add(nested, fullName) }
  }

  /// Whether messages within a message `name` can nest without a bound.
  func canReachCycle(_ name: String) -> Bool {
    let all = reachable(from: name, contained).union([name])
    return all.contains { reachable(from: $0, contained).contains($0) }
  }

  /// Whether a singular field of `owner` with the type `target` leads back to `owner`.
  func isOnInlineCycle(from owner: String, to target: String) -> Bool {
    target == owner || reachable(from: target, inline).contains(owner)
  }

  private func reachable(from name: String, _ edges: [String: Set<String>]) -> Set<String> {
    var found: Set<String> = []
    var waiting = [name]
    while let next = waiting.popLast() {
      for target in edges[next] ?? [] where found.insert(target).inserted { waiting.append(target) }
    }
    return found
  }
}
