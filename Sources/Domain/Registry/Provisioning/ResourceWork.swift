internal import Telephony

/// Finds, makes and takes away the one thing that a step of a work makes.
///
/// It is found by our name, which it bears, so that a second attempt after a lost answer makes no
/// second one. The requests of each kind are in the extensions.
struct ResourceWork: Sendable {
  let ports: OutsidePorts
  let number: PhoneNumber
  /// What the step makes, as it was last seen.
  let wanted: ExternalResource
  let account: Account
  /// Knows what else was made for the number.
  let others: any ResourceHolder
  /// Of a number of a SIP trunk: what a gateway is to have of it.
  var trunks: GatewayTrunks?

  /// Where it is made.
  enum Account: Sendable {
    case carrier(CarrierAccess)
    case gateway(GatewayAccess)
  }

  /// What stands there.
  enum Sight: Sendable {
    case absent
    case found(ExternalResource)
    /// It says something else than it should.
    case altered(ExternalResource)
  }

  /// - Parameter everywhere: look also where one would stand that somebody altered.
  func find(everywhere: Bool) async throws(CarrierError) -> Sight {
    switch account {
    case .gateway(let access): return try await find(everywhere: everywhere, access)
    case .carrier(let access):
      do {
        return try await find(access)
      } catch {
        // Only what it hangs on can be missing: a list that is empty is there.
        guard error.kind == .notFound, try await isUnsupported(access) else { throw error }
        return .absent
      }
    }
  }

  /// Gives what stands there already, or makes it.
  func make() async throws(CarrierError) -> ExternalResource {
    // One that is made anew may hang on what is gone.
    let isRemade = number.resources.contains { $0.kind == wanted.kind }
    switch try await find(everywhere: isRemade) {
    case .found(let found): return found
    case .altered(let found):
      if case .gateway(let access) = account, try await replace(found, access) { return found }
      try await remove(found)
      do {
        return try await create()
      } catch {
        // The one before is gone.
        throw error.afterEffect
      }
    case .absent: break
    }
    do {
      return try await create()
    } catch {
      guard error.kind == .conflict else { throw error }
      // An earlier request may have had its effect only now.
      guard case .found(let found) = try await find(everywhere: false) else { throw error }
      return found
    }
  }

  /// Takes away what was found, and what else bears the name: a request whose answer was lost may
  /// have had its effect after we looked.
  func takeAway() async throws(CarrierError) {
    try await remove(wanted)
    // Without an id of its own there is one at most.
    guard wanted.kind.hangsOn == nil || wanted.kind == .originationURL else { return }
    do {
      for _ in 0..<RegistryLimits.resourceCopiesMax {
        switch try await find(everywhere: true) {
        case .absent: return
        case .found(let other), .altered(let other): try await remove(other)
        }
      }
    } catch {
      // The one that was found is gone, as was answered. Who refuses for good to look for copies is
      // believed; not who may answer later, nor who says of all things that they are not there.
      guard error.isTransient || error.kind == .notFound else { return }
      throw error.afterEffect
    }
    throw CarrierError(
      .conflict, effect: .unknown, message: "It is there again each time that it is taken away.")
  }

  private func create() async throws(CarrierError) -> ExternalResource {
    var made = wanted
    switch account {
    case .carrier(let access): made.externalID = try await create(access)
    case .gateway(let access): made.externalID = try await create(access)
    }
    return made
  }

  private func remove(_ resource: ExternalResource) async throws(CarrierError) {
    switch account {
    case .carrier(let access): try await remove(resource, access)
    case .gateway(let access): try await remove(resource, access)
    }
  }

  func seen(_ externalID: String, isAltered: Bool = false) -> Sight {
    var found = wanted
    found.externalID = externalID
    return isAltered ? .altered(found) : .found(found)
  }
}

extension CarrierError {
  /// The same error of a work of which a part was done.
  fileprivate var afterEffect: CarrierError {
    var error = self
    error.effect = .unknown
    return error
  }

  /// What a step hangs on has no id: an earlier step of it was not done.
  static let nothingToHangOn = CarrierError(
    .notFound, effect: .refused, message: "What it belongs to is not there.")
}

extension ProvisioningStateMachine.Purpose {
  /// What somebody altered is to be found, too.
  var looksEverywhere: Bool { self == .restore }
}
