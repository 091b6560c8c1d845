internal import Telephony

/// Where a watcher of a tenant's numbers stands.
struct WatchPlace: Sendable, Hashable {
  /// Stands for the store's history: sequences of different ones don't compare.
  var history: UInt64
  /// Every change up to this one was told, or is in the snapshot.
  var sequence: UInt64
  /// The last change that what was told may rest on: a later one than `sequence` while it comes
  /// from a snapshot. The history goes on from here if this change is still a part of it.
  var known: FeedPoint
  /// Within a snapshot: the number that was told last.
  var snapshot: SnapshotPlace?

  /// Where a snapshot goes on: numbers are told newest first.
  struct SnapshotPlace: Sendable, Hashable {
    var createTime: Timestamp
    var id: PhoneNumberID

    var cursor: PageCursor { PageCursor(createTime: createTime, id: id.description) }
  }

  /// Every change up to `point` has been told.
  mutating func advance(to point: FeedPoint) {
    sequence = max(sequence, point.sequence)
    know(point)
  }

  /// What was told may rest on changes up to `point`.
  mutating func know(_ point: FeedPoint) {
    if point.sequence > known.sequence { known = point }
  }
}

/// Makes and reads the tokens of one tenant's watches: places in hex that say nothing to who has no
/// key, since sequences count the changes of all tenants.
///
/// Deterministic authenticated encryption in the way of RFC 5297: the check is a keyed hash of
/// tenant and place, and the pad that hides the place is a keyed hash of the check.
struct ResumeTokens: Sendable {
  let tenant: TenantID
  let sealer: any SecretSealer

  private static let form: UInt8 = 2
  private static let checkSize = 16
  /// Form, history, sequence, the known change's sequence and time.
  private static let size = 33
  /// In a snapshot also time and id.
  private static let snapshotSize = size + 24
  /// Those of form 1, which an earlier version made: they have expired.
  private static let formerSizes = [17, 41]

  func text(of place: WatchPlace) throws(RegistryError) -> String {
    var plain: [UInt8] = [Self.form]
    plain += PageToken.bytes(of: place.history)
    plain += PageToken.bytes(of: place.sequence)
    plain += PageToken.bytes(of: place.known.sequence)
    plain += PageToken.bytes(of: UInt64(bitPattern: place.known.time?.microseconds ?? 0))
    if let snapshot = place.snapshot {
      plain += PageToken.bytes(of: UInt64(bitPattern: snapshot.createTime.microseconds))
      plain += PageToken.bytes(of: snapshot.id.high)
      plain += PageToken.bytes(of: snapshot.id.low)
    }
    let check = try check(of: plain)
    return PageToken.hex(check + (try masked(plain, check)))
  }

  /// Refuses what is no token at all; one that was not made for this tenant, or not by this
  /// deployment, has expired as far as its holder is concerned.
  func place(in text: String) throws(RegistryError) -> WatchPlace {
    guard let bytes = PageToken.bytes(ofHex: text),
      ([Self.size, Self.snapshotSize] + Self.formerSizes)
        .contains(bytes.count - Self.checkSize)
    else {
      throw .invalidArgument([
        FieldViolation(
          "resume_token", .malformed,
          "This is no token of a watch. Send resume_token as it came, or begin without one.")
      ])
    }
    let check = Array(bytes.prefix(Self.checkSize))
    let plain = try masked(Array(bytes.dropFirst(Self.checkSize)), check)
    guard try self.check(of: plain) == check, plain[0] == Self.form, plain.count >= Self.size else {
      throw .resumeTokenExpired
    }
    let time = Int64(bitPattern: Self.word(plain, 25))
    var place = WatchPlace(
      history: Self.word(plain, 1), sequence: Self.word(plain, 9),
      known: FeedPoint(
        sequence: Self.word(plain, 17), time: time == 0 ? nil : Timestamp(microseconds: time)))
    if plain.count == Self.snapshotSize {
      place.snapshot = WatchPlace.SnapshotPlace(
        createTime: Timestamp(microseconds: Int64(bitPattern: Self.word(plain, 33))),
        id: PhoneNumberID(high: Self.word(plain, 41), low: Self.word(plain, 49)))
    }
    return place
  }

  private func check(of plain: [UInt8]) throws(RegistryError) -> [UInt8] {
    var body = RequestBody("watch token: check")
    body.add("\(tenant)")
    return Array(try fingerprint(body.bytes + plain).prefix(Self.checkSize))
  }

  /// Hides, or shows again.
  private func masked(_ bytes: [UInt8], _ check: [UInt8]) throws(RegistryError) -> [UInt8] {
    var pad: [UInt8] = []
    while pad.count < bytes.count {
      let body = RequestBody("watch token: pad \(pad.count)")
      pad += try fingerprint(body.bytes + check)
    }
    return zip(bytes, pad).map { $0 ^ $1 }
  }

  private func fingerprint(_ bytes: [UInt8]) throws(RegistryError) -> [UInt8] {
    do {
      return try sealer.fingerprint(of: bytes)
    } catch {
      throw RegistryError(error)
    }
  }

  private static func word(_ bytes: [UInt8], _ index: Int) -> UInt64 {
    bytes[index..<index + 8].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
