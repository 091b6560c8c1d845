package import Registry
package import Telephony

extension Sample {
  /// A LiveKit provider, whose key is `APIkey` and the number.
  package static func liveKit(
    _ number: Int = 1, url: String = "https://gateway.test", region: Region = .us1,
    tenant: TenantID = tenant
  ) -> Provider {
    Provider(
      id: providerID(number), tenant: tenant, displayName: "Gateway \(number)", region: region,
      configuration: .liveKit(
        LiveKitConfiguration(url: url, apiKey: "APIkey\(number)", apiSecret: sealed)),
      revision: Revision(createTime: time(number)))
  }

  /// A SIP trunk with every field, of its own host.
  package static func sipTrunk(
    _ number: Int = 1, gateway: ProviderID? = nil, host: String? = nil, region: Region = .us1,
    tenant: TenantID = tenant
  ) throws -> Provider {
    Provider(
      id: providerID(number), tenant: tenant, displayName: "Trunk \(number)", region: region,
      configuration: .sipTrunk(
        SIPTrunkConfiguration(
          outbound: SIPTrunkConfiguration.Outbound(
            address: host ?? "sip\(number).test:5061", transport: .tls, encryption: .required,
            headers: ["X-Line": "\"one\""],
            login: SIPTrunkConfiguration.Login(username: "out", password: sealed)),
          inbound: SIPTrunkConfiguration.Inbound(
            allowedAddresses: ["192.0.2.0/24"], allowedNumbers: [try e164(7)],
            encryption: .disabled,
            login: SIPTrunkConfiguration.Login(username: "in", password: sealed)),
          gatewayID: gateway)), revision: Revision(createTime: time(number)))
  }
}

extension RegistryStoreConformance {
  static let gatewayChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("providers of every kind come back whole, and are listed by it") { store in
      let all = [
        Sample.provider(1), Sample.liveKit(2),
        try Sample.sipTrunk(3, gateway: Sample.providerID(2)),
      ]
      try await store.commit(Sample.write(all.map { .insertProvider($0) }))
      let tenant = store.tenant(Sample.tenant)
      for provider in all {
        let stored = try await tenant.provider(provider.id)
        try requireEqual(stored?.provider, provider)
        let linked = try await tenant.provider(key: provider.key, region: .us1)
        try requireEqual(linked?.provider.id, provider.id)
        let listed = try await tenant.providers(
          ProviderFilter(kind: provider.kind), after: nil, limit: 9)
        try requireEqual(listed.map(\.id), [provider.id])
        let both = try await tenant.providers(
          ProviderFilter(kind: provider.kind, region: .ie1), after: nil, limit: 9)
        try requireEqual(both, [])
      }
      let seals = try await store.sealCounts()
      try requireEqual(seals.map(\.rowCount).reduce(0, +), 3)
    },
    RegistryStoreCheck("a key and a trunk are linked once for each tenant and region") { store in
      let (gateway, trunk) = (Sample.liveKit(1), try Sample.sipTrunk(2))
      try await store.commit(Sample.write([.insertProvider(gateway), .insertProvider(trunk)]))
      let key = LiveKitConfiguration(
        url: "https://gateway.test", apiKey: "APIkey1", apiSecret: Sample.sealed)
      var twin = Sample.liveKit(3)
      twin.configuration = .liveKit(key)
      try await requireRefused(
        store, Sample.write([.insertProvider(twin)]), .providerExists(gateway.id))
      try await requireRefused(
        store, Sample.write([.insertProvider(try Sample.sipTrunk(3, host: "sip2.test:5061"))]),
        .providerExists(trunk.id))
      // Another key is another provider, until it becomes the same.
      var other = Sample.liveKit(3)
      try await store.commit(Sample.write([.insertProvider(other)]))
      other.configuration = .liveKit(key)
      other.revision = other.revision.next(at: Sample.time(9))
      try await requireRefused(
        store, Sample.write([.updateProvider(other, from: 1, numbersRevision: nil)]),
        .providerExists(gateway.id))
      // What is linked follows the key.
      var moved = gateway
      moved.configuration = .liveKit(
        LiveKitConfiguration(
          url: "https://gateway.test", apiKey: "APIfresh", apiSecret: Sample.sealed))
      moved.revision = moved.revision.next(at: Sample.time(9))
      try await store.commit(
        Sample.write([.updateProvider(moved, from: 1, numbersRevision: 0)]))
      try await store.commit(
        Sample.write([.updateProvider(other, from: 1, numbersRevision: nil)]))
      let found = try await store.tenant(Sample.tenant).provider(key: moved.key, region: .us1)
      try requireEqual(found?.provider.id, gateway.id)
    },
    RegistryStoreCheck("a gateway stays while trunks name it, and is there when they do") {
      store in
      let gateway = Sample.liveKit(1)
      var trunk = try Sample.sipTrunk(2, gateway: gateway.id)
      try await requireRefused(
        store, Sample.write([.insertProvider(trunk)]), .notFound(.provider))
      try await store.commit(Sample.write([.insertProvider(gateway), .insertProvider(trunk)]))
      try await requireRefused(
        store, Sample.write([.deleteProvider(gateway.id, from: 1)]),
        .gatewayHasUsers(providerCount: 1, numberCount: 0))
      trunk.configuration = try Sample.sipTrunk(2).configuration
      trunk.revision = trunk.revision.next(at: Sample.time(9))
      try await store.commit(
        Sample.write([.updateProvider(trunk, from: 1, numbersRevision: nil)]))
      try await store.commit(Sample.write([.deleteProvider(gateway.id, from: 1)]))
      trunk.configuration = try Sample.sipTrunk(2, gateway: gateway.id).configuration
      trunk.revision = trunk.revision.next(at: Sample.time(9))
      try await requireRefused(
        store, Sample.write([.updateProvider(trunk, from: 2, numbersRevision: nil)]),
        .notFound(.provider))
    },
    RegistryStoreCheck("another tenant's provider is no gateway") { store in
      let theirs = Sample.liveKit(1, tenant: Sample.otherTenant)
      try await store.commit(Sample.write([.insertProvider(theirs)], tenant: Sample.otherTenant))
      try await requireRefused(
        store, Sample.write([.insertProvider(try Sample.sipTrunk(2, gateway: theirs.id))]),
        .notFound(.provider))
    },
    RegistryStoreCheck("dispatches are told of no provider but Twilio's") { store in
      let gateway = Sample.liveKit(1)
      try await store.commit(
        Sample.write([.insertProvider(gateway), .insertProvider(Sample.provider(2))]))
      let page = try await store.routes(after: 0, limit: 9)
      try requireEqual(
        page.changes.map(\.kind),
        [
          .removed(.provider(gateway.id, tenant: Sample.tenant)),
          .put(.provider(ProviderRoute(Sample.provider(2)))),
        ])
      let events = try await store.events(after: 0, limit: 9)
      try requireEqual(events.events.map(\.change), [.created, .created])
    },
  ]
}
