internal import Access
internal import CommandLine
internal import GRPCTransport
internal import Registry
internal import Services

/// Who may call, as `trunklined serve` was told.
struct AccessConfiguration: Sendable {
  /// Whether callers must say who they are.
  var isOn: Bool
  /// Maps client certificates; nil: none is let in by its certificate.
  var identitiesPath: String?
  /// What is open to everybody.
  var publicServices: Set<PublicService>
  /// Where the first administrator's token is written; nil: it is printed.
  var adminTokenPath: String?
  /// Make an administrator's token at this start, though there are tokens already.
  var makesAdministrator: Bool
  var quotas: [Quota]
  /// Calls a second of each tenant; nil: any.
  var callRateMax: Int?
  /// Of a dispatch alone: what it shows its registry.
  var registryTokenPath: String?
  /// Of a dispatch alone: how it speaks TLS to its registry; nil: not.
  var registryTLS: TLSClientFiles?
}

extension AccessConfiguration {
  init(_ arguments: Arguments) throws(ArgumentError) {
    isOn = try arguments.value(ServeOptions.auth)
    identitiesPath = try arguments.value(ServeOptions.identities)
    publicServices = Set(try arguments.value(ServeOptions.publicServices))
    adminTokenPath = try arguments.value(ServeOptions.adminTokenFile)
    makesAdministrator = try arguments.value(ServeOptions.newAdminToken)
    quotas = try arguments.value(ServeOptions.quotas).map { Quota($0.key, countMax: $0.value) }
    if !quotas.contains(where: { $0.kind == .token }) {
      quotas.append(Quota(.token, countMax: Self.tokensMaxDefault))
    }
    callRateMax = try arguments.value(ServeOptions.rateLimit)
    registryTokenPath = try arguments.value(ServeOptions.registryTokenFile)
    registryTLS = try Self.registryTLS(arguments)
    if identitiesPath != nil, try arguments.value(ServeOptions.tlsClientAuthorities) == nil {
      throw .conflict("--identities maps client certificates: it needs --tls-client-ca.")
    }
    if !isOn && (identitiesPath != nil || makesAdministrator) {
      throw .conflict("--identities and --new-admin-token have no meaning with --auth off.")
    }
    try checkRegistry(arguments)
  }

  /// Tokens that a tenant may have unless --quota says otherwise.
  private static let tokensMaxDefault = 1000

  private static func registryTLS(
    _ arguments: Arguments
  ) throws(ArgumentError) -> TLSClientFiles? {
    let files = TLSClientFiles(
      authorities: try arguments.value(ServeOptions.registryAuthorities),
      certificate: try arguments.value(ServeOptions.registryCertificate),
      key: try arguments.value(ServeOptions.registryKey))
    guard (files.certificate == nil) == (files.key == nil) else {
      throw .conflict("A certificate needs its key: give --registry-cert and --registry-key.")
    }
    let isWanted = try arguments.value(ServeOptions.registryTLS)
    return isWanted || files != TLSClientFiles() ? files : nil
  }

  private func checkRegistry(_ arguments: Arguments) throws(ArgumentError) {
    guard let registry = try arguments.value(ServeOptions.registry) else {
      if registryTokenPath != nil || registryTLS != nil {
        throw .conflict(
          "--registry-token-file, --registry-tls, --registry-ca, --registry-cert and "
            + "--registry-key are for a dispatch alone, with --registry.")
      }
      return
    }
    if registryTokenPath != nil, registryTLS == nil, !registry.isLoopback,
      try !arguments.value(ServeOptions.isInsecure)
    {
      throw .conflict(
        "The token would travel to \(registry) for others to read. Give --registry-tls or "
          + "--registry-ca, or accept it with --insecure.")
    }
  }
}
