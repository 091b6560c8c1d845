internal import Registry
internal import Telephony

// Numbers and the journal of what is done to them.

extension RegistryTransaction {
  mutating func insert(
    _ number: PhoneNumber, providerVersion: Version
  ) async throws(Stop) {
    try check(number.tenant, .number)
    try await claim(number)
    try await comeUnderProvider(number, version: providerVersion)
    // After the provider's row, as a provider that names a gateway takes both.
    try await lockGateway(number.gatewayProviderID)
    if let agent = number.agentID { try await lockAgent(agent) }
    try await run(
      RegistryStatements.insertDirectory,
      [SQLValue(number.id), SQLValue(tenant), SQLValue(number.region), .text(number.e164.text)])
    try await insertRow(of: number)
    changed(.of(number, .created), count: 1)
    if number.purchase == .platform { counted(.platformNumber, 1) }
  }

  private func claim(_ number: PhoneNumber) async throws(Stop) {
    let claimed = try await run(
      RegistryStatements.insertClaim,
      [
        SQLValue(number.accountSID), SQLValue(number.carrierSID), SQLValue(tenant),
        SQLValue(number.id), SQLValue(number.region),
      ])
    guard claimed.changedCount == 1 else { throw try await holder(of: number) }
  }

  /// Updates the number, and claims it by its present name.
  mutating func name(_ number: PhoneNumber, from: Version) async throws(Stop) {
    try await update(number, from: from)
    try await run(RegistryStatements.deleteClaim, [SQLValue(number.id)])
    try await claim(number)
  }

  private func insertRow(of number: PhoneNumber) async throws(Stop) {
    try await run(
      RegistryStatements.insertNumber,
      [
        SQLValue(number.region), SQLValue(tenant), SQLValue(number.id),
        SQLValue(number.providerID), number.agentID.map { SQLValue($0) } ?? .null,
        .text(number.state.rawValue), SQLValue(number.revision.version),
        SQLValue(number.revision.createTime), SQLValue(document: number),
        number.gatewayProviderID.map { SQLValue($0) } ?? .null,
      ])
  }

  /// Why a number can't be inserted: somebody holds it.
  private func holder(of number: PhoneNumber) async throws(Stop) -> Stop {
    let parts = ListStatements.claims.select([number.carrierSID.description])
    for (statement, keys) in parts {
      let rows = try await run(statement, [SQLValue(number.accountSID)] + keys).rows
      guard let row = rows.first else { continue }
      do throws(StoreError) {
        return .refused(.numberClaimed(try NumberClaim(row, account: number.accountSID)))
      } catch {
        return .refused(error)
      }
    }
    return .failed(.serialization)
  }

  /// Counts the number in its provider, whose row is taken: the provider is not deleted meanwhile.
  private func comeUnderProvider(
    _ number: PhoneNumber, version: Version
  ) async throws(Stop) {
    let counted = try await run(
      RegistryStatements.numberComesUnderProvider,
      [
        SQLValue(number.region), SQLValue(tenant), SQLValue(number.providerID),
        SQLValue(version),
      ])
    guard counted.changedCount == 0 else { return }
    let rows = try await run(
      RegistryStatements.lockProvider, [SQLValue(tenant), SQLValue(number.providerID)]
    ).rows
    throw .refused(rows.isEmpty ? .notFound(.provider) : .versionMismatch(.provider))
  }

  func expectNumber(under provider: ProviderID, _ region: Region) async throws(Stop) {
    let counted = try await run(
      RegistryStatements.numberIsExpected,
      [SQLValue(region), SQLValue(tenant), SQLValue(provider)])
    guard counted.changedCount == 1 else { throw .refused(.notFound(.provider)) }
  }

  mutating func update(_ number: PhoneNumber, from: Version) async throws(Stop) {
    try check(number.tenant, .number)
    if let agent = number.agentID { try await lockAgent(agent) }
    let updated = try await run(
      RegistryStatements.updateNumber,
      [
        SQLValue(number.providerID), number.agentID.map { SQLValue($0) } ?? .null,
        .text(number.state.rawValue), SQLValue(number.revision.version),
        SQLValue(document: number), SQLValue(number.region), SQLValue(tenant),
        SQLValue(number.id), SQLValue(from),
      ])
    if updated.changedCount == 0 { try await move(number, from: from) }
    changed(.of(number, .updated))
  }

  /// Puts the row of a number into the region of its new provider. It is a new row: no engine has
  /// to carry one from region to region.
  private func move(_ number: PhoneNumber, from: Version) async throws(Stop) {
    guard try await storedRegion(of: number.id) != number.region else {
      throw .refused(.versionMismatch(.number))
    }
    let deleted = try await run(
      RegistryStatements.deleteNumber, [SQLValue(tenant), SQLValue(number.id), SQLValue(from)])
    guard deleted.changedCount == 1 else { throw .refused(.versionMismatch(.number)) }
    try await insertRow(of: number)
    let place = [SQLValue(number.region), SQLValue(number.id)]
    try await run(RegistryStatements.moveDirectory, place)
    try await run(RegistryStatements.moveClaim, place)
  }

  private func storedRegion(of id: PhoneNumberID) async throws(Stop) -> Region {
    let rows = try await run(
      RegistryStatements.directory, [SQLValue(id), SQLValue(tenant)]
    ).rows
    guard let row = rows.first else { throw .refused(.notFound(.number)) }
    guard let region = Region(rawValue: row.text(0)) else {
      throw .refused(.damaged(cause: "a stored region is not one"))
    }
    return region
  }

  /// Removes the number, its claim and its place in the directory.
  mutating func deleteNumber(_ id: PhoneNumberID, from: Version) async throws(Stop) {
    let isPlatform = try await isPlatform(id)
    let deleted = try await run(
      RegistryStatements.deleteNumber, [SQLValue(tenant), SQLValue(id), SQLValue(from)])
    guard deleted.changedCount == 1 else {
      _ = try await storedRegion(of: id)
      throw .refused(.versionMismatch(.number))
    }
    try await run(RegistryStatements.deleteDirectory, [SQLValue(id)])
    try await run(RegistryStatements.deleteClaim, [SQLValue(id)])
    changed(.gone(.number, id.description, from), count: -1)
    if isPlatform { counted(.platformNumber, -1) }
  }

  private func isPlatform(_ id: PhoneNumberID) async throws(Stop) -> Bool {
    let row = try await run(RegistryStatements.number, [SQLValue(id), SQLValue(tenant)]).rows.first
    guard let row else { return false }
    do throws(StoreError) {
      return try StoreError.decode(PhoneNumber.self, row.blob(0)).purchase == .platform
    } catch {
      throw .refused(error)
    }
  }

  // MARK: The journal

  func insert(_ journal: ProvisioningJournal) async throws(Stop) {
    try check(journal.tenant, .journal)
    let inserted = try await run(
      RegistryStatements.insertJournal,
      [
        SQLValue(journal.id), SQLValue(tenant), .text(journal.subject.description),
        SQLValue(journal.isOpen), SQLValue(journal.revision), SQLValue(journal.updateTime),
        SQLValue(document: journal), .text(journal.state.rawValue),
        SQLValue(journal.createTime),
      ])
    // One entry of a number is open at most.
    guard inserted.changedCount == 1 else { throw .refused(.versionMismatch(.journal)) }
  }

  func update(_ journal: ProvisioningJournal, from: UInt64) async throws(Stop) {
    try check(journal.tenant, .journal)
    let key = [SQLValue(journal.id), SQLValue(tenant)]
    let updated = try await run(
      RegistryStatements.updateJournal,
      [
        SQLValue(journal.isOpen), SQLValue(journal.revision), SQLValue(journal.updateTime),
        SQLValue(document: journal), .text(journal.state.rawValue),
      ] + key + [SQLValue(from)])
    guard updated.changedCount == 1 else {
      let isThere = try await !run(RegistryStatements.journal, key).rows.isEmpty
      throw .refused(isThere ? .versionMismatch(.journal) : .notFound(.journal))
    }
  }
}
