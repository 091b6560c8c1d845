internal import LiveKitAPI
internal import Telephony

/// All that exists at the carrier, without times: equal before and after what left no trace.
extension SimulatorState {
  /// With an account's SID, what is the account's alone; LiveKit's belongs to nobody and is shown.
  func inventory(account: String?) -> JSON {
    func isShown(_ owner: String) -> Bool { account == nil || account == owner }
    return [
      "numbers": sorted(numbers.values.filter { isShown($0.account) }, by: \.sid, inventory),
      "trunks": sorted(trunks.all.filter { isShown($0.account) }, by: \.sid, inventory),
      "credential_lists": sorted(
        credentialLists.all.filter { isShown($0.account) }, by: \.sid, inventory),
      "ip_access_control_lists": sorted(
        accessLists.all.filter { isShown($0.account) }, by: \.sid, inventory),
      "sip_domains": sorted(
        sipDomains.all.filter { isShown($0.account) }, by: \.sid, inventory),
      "livekit": livekitInventory(),
    ]
  }

  private func sorted<Item>(
    _ items: [Item], by id: (Item) -> String, _ shown: (Item) -> JSON
  ) -> JSON {
    .array(items.sorted { id($0) < id($1) }.map(shown))
  }

  private func inventory(_ number: CarrierNumber) -> JSON {
    let records = Region.allCases.map { region in
      JSON.Member(
        name: region.rawValue,
        value: .object(
          fields(number.configuration(in: region)).map {
            JSON.Member(name: $0.name, value: .string($0.value))
          }))
    }
    return [
      "sid": .string(number.sid), "account_sid": .string(number.account),
      "phone_number": .string(number.phoneNumber),
      "friendly_name": .string(number.friendlyName),
      "voice_region": JSON(number.route?.region.rawValue), "configurations": .object(records),
    ]
  }

  private func inventory(_ trunk: Trunk) -> JSON {
    let urls = sorted(trunk.originationURLs.all, by: \.sid) { url in
      [
        "sid": .string(url.sid), "friendly_name": .string(url.friendlyName),
        "sip_url": .string(url.sipURL), "weight": .integer(url.weight),
        "priority": .integer(url.priority), "enabled": .bool(url.isEnabled),
      ]
    }
    func texts(_ list: [String]) -> JSON { .array(list.sorted().map { .string($0) }) }
    return [
      "sid": .string(trunk.sid), "account_sid": .string(trunk.account),
      "region": .string(trunk.region.rawValue),
      "friendly_name": .string(trunk.friendlyName), "domain_name": .string(trunk.domainName),
      "disaster_recovery_url": .string(trunk.disasterRecovery.url),
      "disaster_recovery_method": .string(trunk.disasterRecovery.method),
      "transfer_mode": .string(trunk.transferMode.rawValue),
      "transfer_caller_id": .string(trunk.transferCallerID.rawValue),
      "secure": .bool(trunk.isSecure), "cnam_lookup_enabled": .bool(trunk.looksUpNames),
      "recording": recording(trunk), "origination_urls": urls,
      "credential_lists": texts(trunk.credentialLists),
      "ip_access_control_lists": texts(trunk.accessLists),
      "phone_numbers": texts(numbers(of: trunk)),
    ]
  }

  private func inventory(_ list: CredentialList) -> JSON {
    let credentials = sorted(list.credentials.all, by: \.sid) { credential in
      [
        "sid": .string(credential.sid), "username": .string(credential.username),
        "password": .string(credential.password),
      ]
    }
    return [
      "sid": .string(list.sid), "account_sid": .string(list.account),
      "region": .string(list.region.rawValue), "friendly_name": .string(list.friendlyName),
      "credentials": credentials,
    ]
  }

  private func inventory(_ list: AccessList) -> JSON {
    let addresses = sorted(list.addresses.all, by: \.sid) { address in
      [
        "sid": .string(address.sid), "friendly_name": .string(address.friendlyName),
        "ip_address": .string(address.address),
        "cidr_prefix_length": .integer(address.prefixLength),
      ]
    }
    return [
      "sid": .string(list.sid), "account_sid": .string(list.account),
      "region": .string(list.region.rawValue), "friendly_name": .string(list.friendlyName),
      "ip_addresses": addresses,
    ]
  }

  private func inventory(_ domain: SIPDomain) -> JSON {
    [
      "sid": .string(domain.sid), "account_sid": .string(domain.account),
      "region": .string(domain.region.rawValue), "domain_name": .string(domain.domainName),
      "friendly_name": .string(domain.friendlyName), "voice_url": .string(domain.voice.url),
      "voice_method": .string(domain.voice.method),
      "voice_fallback_url": .string(domain.voice.fallbackURL),
      "voice_status_callback_url": .string(domain.statusCallback),
      "secure": .bool(domain.isSecure), "sip_registration": .bool(domain.takesRegistrations),
    ]
  }

  /// The messages' own JSON, passwords too.
  private func livekitInventory() -> JSON {
    let inbound = sorted(livekit.inboundTrunks.all, by: \.sipTrunkID) { trunk in
      var shown = trunk
      (shown.createdAt, shown.updatedAt) = (nil, nil)
      return Self.json(shown)
    }
    let outbound = sorted(livekit.outboundTrunks.all, by: \.sipTrunkID) { trunk in
      var shown = trunk
      (shown.createdAt, shown.updatedAt) = (nil, nil)
      return Self.json(shown)
    }
    let rules = sorted(livekit.rules.all, by: \.sipDispatchRuleID) { rule in
      var shown = rule
      (shown.createdAt, shown.updatedAt) = (nil, nil)
      return Self.json(shown)
    }
    let dispatches = sorted(livekit.dispatches.all, by: \.id) { dispatch in
      var shown = dispatch
      shown.state = nil
      return Self.json(shown)
    }
    let rooms = sorted(livekit.rooms.all, by: \.room.name) { entry in
      let participants = sorted(entry.participants.all, by: \.identity) { participant in
        var shown = participant
        (shown.joinedAt, shown.joinedAtMs) = (0, 0)
        return Self.json(shown)
      }
      var room = entry.room
      (room.creationTime, room.creationTimeMs) = (0, 0)
      return ["room": Self.json(room), "participants": participants]
    }
    return [
      "inbound_trunks": inbound, "outbound_trunks": outbound, "dispatch_rules": rules,
      "agent_dispatches": dispatches, "rooms": rooms,
    ]
  }
}
