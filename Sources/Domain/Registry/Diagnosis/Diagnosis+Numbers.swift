internal import Telephony

extension Diagnosis {
  mutating func judgeNumbers() {
    var goodCount = 0
    var examinedCount = 0
    for number in facts.numbers {
      let before = count
      judge(number)
      guard number.isSettled, number.record != .notTried else { continue }
      examinedCount += 1
      if count == before, case .found = number.record { goodCount += 1 }
    }
    guard goodCount > 0 else { return }
    add(.numbersInOrder, "\(goodCount) of the \(examinedCount) numbers that were looked at")
  }

  private mutating func judge(_ facts: DiagnosisFacts.Number) {
    let subject = DiagnosisFinding.Subject.number(facts.number.id)
    switch facts.number.state {
    case .active, .degraded:
      if let pending = facts.number.pendingProviderID {
        add(.numberUnsettled, subject, "The number is being moved to \(pending).")
        return
      }
    case .provisioning, .deleting:
      add(.numberUnsettled, subject, "The number is \(facts.number.state.rawValue).")
      return
    case .corrupted:
      let left = facts.number.leftovers.map { "\($0.kind.rawValue) in \($0.region)" }
      add(.numberCorrupted, subject, "At the carrier is left: \(left.joined(separator: ", ")).")
      return
    }
    switch facts.record {
    case .notTried: return
    case .failed(let error) where error.kind == .notFound:
      add(.numberVanished, subject, error.evidence)
      // Its route says nothing any more.
      return
    case .failed(let error):
      if !error.isMissingRight { add(.numberNotRead, subject, error.evidence) }
    case .found(let record):
      if !record.hasVoice {
        add(.numberWithoutVoice, subject, "The carrier's record has no voice capability.")
      }
      if facts.number.supportsInbound { judge(record.voice, facts, subject) }
    }
    if facts.number.supportsInbound { judgeRegion(facts, subject) }
  }

  private mutating func judge(
    _ voice: VoiceSettings, _ facts: DiagnosisFacts.Number, _ subject: DiagnosisFinding.Subject
  ) {
    if facts.number.ingress == .trunk {
      guard voice.trunkSID != facts.number.configured?.trunkSID else { return }
      let present = voice.trunkSID.isEmpty ? "no trunk" : "trunk \(Self.masked(voice.trunkSID))"
      add(.numberOffTrunk, subject, present)
      return
    }
    if !voice.trunkSID.isEmpty {
      add(.webhookOverriddenByTrunk, subject, "trunk \(Self.masked(voice.trunkSID))")
    }
    if !voice.applicationSID.isEmpty {
      add(
        .webhookOverriddenByApplication, subject,
        "application \(Self.masked(voice.applicationSID))")
    }
    let (expected, written) = (facts.expected, facts.number.configured)
    if voice.voiceURL.isEmpty {
      add(.webhookMissing, subject, "The number has no voice URL.")
    } else if voice.voiceURL == expected.voiceURL {
      if voice.voiceMethod != expected.voiceMethod {
        add(
          .webhookMethodChanged, subject,
          "The voice URL is asked with \(voice.voiceMethod.rawValue), which is refused.")
      }
    } else if voice.voiceURL == written?.voiceURL {
      // Without a public URL nothing would be written now, which is found already.
      guard !expected.voiceURL.isEmpty else { return }
      add(
        .webhookOutdated, subject,
        "The voice URL is what was written once, at \(WebAddress.host(of: voice.voiceURL)); now it "
          + "would be at \(WebAddress.host(of: expected.voiceURL)).")
    } else {
      add(.webhookTakenOver, subject, "voice URL at \(WebAddress.host(of: voice.voiceURL))")
    }
    if voice.fallbackURL != expected.fallbackURL, voice.fallbackURL != written?.fallbackURL {
      add(
        .fallbackReplaced, subject, "fallback URL at \(WebAddress.host(of: voice.fallbackURL))")
    }
    if voice.statusCallbackURL != expected.statusCallbackURL,
      voice.statusCallbackURL != written?.statusCallbackURL
    {
      add(
        .statusCallbackReplaced, subject,
        "status callback at \(WebAddress.host(of: voice.statusCallbackURL))")
    }
  }

  private mutating func judgeRegion(
    _ facts: DiagnosisFacts.Number, _ subject: DiagnosisFinding.Subject
  ) {
    switch facts.processingRegion {
    case .notTried: break
    case .failed(let error):
      if !error.isMissingRightOfGoodKey {
        add(.processingRegionNotRead, subject, error.evidence)
      }
    case .found(let region):
      guard region ?? .us1 != facts.number.region else { return }
      let seen = region?.rawValue ?? "unset, which is us1"
      add(
        .processingRegionMoved, subject,
        "Inbound calls are handled in \(seen); the provider's region is \(facts.number.region).")
    }
  }

  /// `TK****6e2f`, of whatever the carrier named.
  private static func masked(_ sid: String) -> String {
    "\(sid.prefix(2))****\(sid.dropFirst(2).suffix(4))"
  }
}

/// An http or https URL, taken apart as far as a diagnosis needs it.
struct WebAddress: Sendable, Hashable {
  let isHTTPS: Bool
  /// As it stands there, without user, port and the brackets of an IPv6 address.
  let host: String

  /// The longest name that DNS has.
  private static let hostLengthMax = 253

  /// nil unless there are a scheme and a plausible host.
  init?(_ url: String) {
    guard let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) })
    else { return nil }
    isHTTPS = scheme == "https://"
    let authority = url.dropFirst(scheme.count).prefix { !"/?#\\".contains($0) }
    var host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      host = host[host.index(after: host.startIndex)..<end]
    } else {
      host = host.prefix { $0 != ":" }
    }
    guard !host.isEmpty, host.utf8.count <= Self.hostLengthMax,
      host.utf8.allSatisfy({ $0.isLetterOrDigit || "-_.:".utf8.contains($0) })
    else { return nil }
    self.host = String(host)
  }

  /// For evidence: the host, and nothing of the path, which may hold a secret.
  static func host(of url: String) -> String {
    url.isEmpty ? "no address" : WebAddress(url)?.host ?? "an address of another form"
  }

  /// Nobody on the internet reaches it: a loopback, private or link-local address, or a name of a
  /// local network (RFC 1918, 4193, 4291, 6598, 6761).
  var isPrivate: Bool {
    let name = host.lowercased()
    if name.contains(":") {
      return name == "::1"
        || ["fc", "fd", "fe8", "fe9", "fea", "feb"].contains { name.hasPrefix($0) }
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let octets = parts.compactMap { UInt8($0) }
    if octets.count == 4 && parts.count == 4 {
      switch (octets[0], octets[1]) {
      case (127, _), (10, _), (0, _), (192, 168), (169, 254): return true
      case (172, 16...31), (100, 64...127): return true
      default: return false
      }
    }
    return parts.count == 1
      || ["localhost", "local", "internal", "lan"].contains { name.hasSuffix("." + $0) }
  }
}
