internal import CommandLine
internal import Registry
internal import Telephony

// The operator's own account, on which tenants get numbers.
extension ServeOptions {
  static let platformProvider = Option.optional(
    "platform-provider", .text("PROVIDER"),
    "Sell numbers of the United States on this linked account: a provider in us1 that has an Auth "
      + "Token, as prv_….")
  static let platformSlots = Option.value(
    "platform-slots", .integer("COUNT", in: 0...1_000_000), default: "0",
    "How many numbers each tenant may have there. What exceeds a lowered number stays.")
  static let platformTenantSlots = Option.map(
    "platform-tenant-slots", .text("TENANT"), .integer("COUNT", in: 0...1_000_000), commas: true,
    "How many a tenant may have instead, as ten_…=5.")

  static let platform: [any DeclaredOption] = [
    platformProvider, platformSlots, platformTenantSlots,
  ]
}

extension PlatformAccount {
  /// nil: the operator sells no numbers.
  init?(_ arguments: Arguments) throws(ArgumentError) {
    let slots = try arguments.value(ServeOptions.platformSlots)
    let tenants = try arguments.value(ServeOptions.platformTenantSlots)
    guard let text = try arguments.value(ServeOptions.platformProvider) else {
      guard slots == 0, tenants.isEmpty else {
        throw .conflict("--platform-slots and --platform-tenant-slots need --platform-provider.")
      }
      return nil
    }
    guard let id = try? ProviderID(text) else {
      throw .conflict("--platform-provider is a provider's id: prv_ and 32 hex digits.")
    }
    var slotsByTenant: [TenantID: Int] = [:]
    for (name, count) in tenants {
      guard let tenant = try? TenantID(name) else {
        throw .conflict("--platform-tenant-slots names tenants by id: ten_ and 32 hex digits.")
      }
      slotsByTenant[tenant] = count
    }
    self.init(providerID: id, slots: slots, slotsByTenant: slotsByTenant)
  }
}
