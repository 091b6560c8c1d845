internal import CommandLine
internal import Registry
internal import Services

/// The options of `serve` that say who may call.
extension ServeOptions {
  static let auth = Option.value(
    "auth", .choice(["on": true, "off": false]), default: "on",
    "Whether callers must say who they are, by a token or a certificate. Off, whoever reaches the "
      + "server is its operator.")
  static let identities = Option.optional(
    "identities", .text("FILE"),
    "Let in client certificates by their DNS and URI names, a line each: NAME TENANT "
      + "SCOPE[,SCOPE…], with `main` for the first tenant. Read anew when it changes.")
  static let publicServices = Option.list(
    "public-services",
    .choice(
      ["health": PublicService.health, "reflection": .reflection]), default: "health",
    "What everybody may call, unauthenticated too. An empty text: nothing.")
  static let adminTokenFile = Option.optional(
    "admin-token-file", .text("FILE"),
    "Write the first administrator's token there, with mode 0600, in place of printing it.")
  static let newAdminToken = Option.flag(
    "new-admin-token",
    "Make another administrator's token at this start, good for a day, when those there were are "
      + "lost. A file of --admin-token-file that has a good one stays as it is.")
  static let quotas = Option.map(
    "quota",
    .choice([
      "providers": CountedKind.provider, "numbers": .number, "agents": .agent, "tokens": .token,
    ]), .integer("COUNT", in: 0...1_000_000_000), commas: true,
    "How many each tenant may have. Without it any number, and 1000 tokens.")
  static let rateLimit = Option.optional(
    "rate-limit", .integer("CALLS", in: 1...1_000_000),
    "How many calls a second each tenant may make of this process; twice as many at once. Without "
      + "it any number.")
  static let registryTokenFile = Option.optional(
    "registry-token-file", .text("FILE"),
    "The token with the scope dispatch that a dispatch alone shows its registry. Read anew when it "
      + "changes.")
  static let registryTLS = Option.flag(
    "registry-tls", "Speak TLS to the registry, and trust the system's authorities.")
  static let registryAuthorities = Option.optional(
    "registry-ca", .text("FILE"),
    "Speak TLS to the registry, and trust these authorities (PEM) instead.")
  static let registryCertificate = Option.optional(
    "registry-cert", .text("FILE"), "Show the registry this certificate (PEM).")
  static let registryKey = Option.optional(
    "registry-key", .text("FILE"), "The certificate's key (PEM).")

  static let access: [any DeclaredOption] = [
    auth, identities, publicServices, adminTokenFile, newAdminToken, quotas, rateLimit,
    registryTokenFile, registryTLS, registryAuthorities, registryCertificate, registryKey,
  ]
}
