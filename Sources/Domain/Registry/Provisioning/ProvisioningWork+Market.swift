internal import Telephony

// Buying and giving up: what a purchase leaves in the store.
extension ProvisioningWork {
  /// Notes what was bought: the number by its carrier's name, together with the entry. Gives the
  /// entry as it is stored and what follows.
  func bought(
    _ record: CarrierNumber, _ machine: inout ProvisioningStateMachine,
    from stored: ProvisioningJournal, _ lease: HeldLease?
  ) async throws(ProvisioningStop) -> (ProvisioningJournal, ProvisioningStateMachine.Action) {
    machine.bought()
    let next = following(machine.journal, from: stored)
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      guard let number = try await number(of: stored) else {
        throw .damaged("A number that was bought is not there.")
      }
      var named = number
      named.carrierSID = record.sid
      named.revision = number.revision.next(at: next.updateTime)
      do throws(ProvisioningStop) {
        let begun = try await commit(
          next, from: stored, changes: [.nameNumber(named, from: number.revision.version)])
        lease?.written(begun: begun)
        machine.kept(next)
        return (next, machine.resumed())
      } catch .store(.numberClaimed) {
        // Between the purchase and now somebody imported it: it is registered, and theirs.
        return (stored, machine.othersBought())
      } catch .store(.versionMismatch(.number)) {
        continue
      } catch {
        throw error
      }
    }
    throw .store(.versionMismatch(.number))
  }

  /// Asks the market for one thing.
  func trade(
    _ action: ProvisioningStateMachine.Action, _ journal: ProvisioningJournal,
    _ number: PhoneNumber, _ access: CarrierAccess
  ) async throws(CarrierError) -> Event {
    let order = (journal.purchase ?? PurchaseRecord()).order(of: number)
    switch action {
    case .buy:
      do throws(CarrierError) {
        return .bought(try await market.buy(order, access))
      } catch {
        // From now on it is only looked for.
        guard error.effect == .unknown else { throw error }
        return .purchaseLost
      }
    case .seek:
      switch try await market.find(order, access) {
      case .bought(let record): return .bought(record)
      case .othersBought: return .othersBought
      case .absent: return .absent
      }
    case .release:
      do throws(CarrierError) {
        switch number.purchase {
        case .platform: try await quarantine(number, access)
        case .customer, nil: try await market.release(number.carrierSID, access)
        }
      } catch {
        // An earlier request may have had its effect, and this repetition be refused.
        guard !error.isTransient, await isGone(number, access) else { throw error }
      }
      return .released
    case .look, .write, .beginWait, .wait, .close:
      preconditionFailure("This is not done at a market.")
    }
  }

  private func isGone(_ number: PhoneNumber, _ access: CarrierAccess) async -> Bool {
    do throws(CarrierError) {
      _ = try await carrier.fetchNumber(number.carrierSID, access)
      return false
    } catch {
      // The carrier's own word: a page by something in between says nothing.
      return error.kind == .notFound && error.code == 20404
    }
  }

  /// Gives a platform number back to the operator, whose account keeps it under a name that tells
  /// so: nobody is sold it again before the operator says so.
  private func quarantine(
    _ number: PhoneNumber, _ access: CarrierAccess
  ) async throws(CarrierError) {
    let refused = CarrierError(
      .notPermitted, effect: .beforeSend,
      message: "The operator's account is not configured, or can't be read.")
    guard let platform else { throw refused }
    let provider: Provider?
    do throws(StoreError) {
      provider = try await store.provider(platform)
    } catch {
      throw CarrierError(.unavailable, effect: .beforeSend, message: "The store can't be read.")
    }
    guard let own = try? provider?.operatorAccess(sealer) else { throw refused }
    try await market.quarantine(
      number.carrierSID, name: "quarantine-\(number.marketName)", of: access.accountSID, own)
  }
}
