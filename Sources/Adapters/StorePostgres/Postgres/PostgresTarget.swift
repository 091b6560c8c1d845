internal import CPostgres
internal import EventLoops

/// Where a database is, and how to get in: the parsed `--database`.
///
/// Its text form and its description never hold the password.
package struct PostgresTarget: Sendable, CustomStringConvertible {
  /// One host of the list, in its order.
  struct Host: Sendable, Hashable {
    /// A name, an address in digits, or a folder with a unix socket; nil leaves it to libpq.
    var name: String?
    /// An address in digits that replaces the lookup of the name.
    var address: String?
    var port: String?
  }

  /// Why a text is no database. It quotes nothing of the text but the names of its parameters.
  package struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
  }

  /// The parameters beside the hosts, as libpq takes them.
  private(set) var parameters: [(name: String, value: String)]
  private(set) var hosts: [Host]
  /// How long one address may take to answer, from `connect_timeout`.
  private(set) var connectTimeout: Duration?
  private let password: String?

  /// Parses a URL (`postgres://…`, `postgresql://…`) or libpq's `name=value` form.
  ///
  /// All of libpq's parameters work, `sslmode` and `sslrootcert` among them, but for `service`, and
  /// for `target_session_attrs=prefer-standby`: a store writes.
  package init(_ text: String) throws(Invalid) {
    guard !text.utf8.contains(0) else { throw Invalid("The database's URL holds U+0000.") }
    guard let values = Self.parse(text) else {
      throw Invalid(
        "The database's URL can't be read. It is written as "
          + "postgres://user:password@host:port/name?sslmode=verify-full, with %-escapes where a "
          + "part holds one of :/?#[]@%.")
    }
    if values["service"] != nil {
      throw Invalid("The database's URL names a service; write its parameters out instead.")
    }
    if values["target_session_attrs"] == "prefer-standby" {
      throw Invalid(
        "The database's URL asks for target_session_attrs=prefer-standby; a registry writes and "
          + "needs the primary: read-write.")
    }
    hosts = try Self.hosts(
      names: values["host"], addresses: values["hostaddr"], ports: values["port"])
    if let timeout = values["connect_timeout"] {
      guard let seconds = Int(timeout), (0...Self.connectTimeoutSecondsMax).contains(seconds) else {
        throw Invalid(
          "connect_timeout of the database's URL is no number of seconds from 0 to "
            + "\(Self.connectTimeoutSecondsMax).")
      }
      connectTimeout = seconds == 0 ? nil : .seconds(seconds)
    }
    password = values["password"]
    let own: Set = ["host", "hostaddr", "port", "connect_timeout"]
    var parameters = values.filter { !own.contains($0.key) }
    for (name, value) in Self.defaults where parameters[name] == nil { parameters[name] = value }
    self.parameters = parameters.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }

  /// The longest `connect_timeout`, in seconds.
  private static let connectTimeoutSecondsMax = 600

  /// What holds unless the URL says otherwise.
  private static let defaults = [
    "client_encoding": "UTF8",
    "fallback_application_name": "trunkline",
    // A standby in the list is passed over: the one that takes writes is looked for.
    "target_session_attrs": "read-write",
    // Kerberos would be asked on the loop's thread, over the network.
    "gssencmode": "disable",
    // A peer that is gone is noticed within seconds: data without an acknowledgement ends the
    // connection after this many milliseconds, silence after idle + interval × count seconds.
    "tcp_user_timeout": "5000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
  ]

  /// Hosts and the database's name: `postgres://a:5432,b:5432/registry`.
  package var description: String {
    let list = hosts.map { host in
      (host.name ?? host.address ?? "default") + (host.port.map { ":" + $0 } ?? "")
    }
    let name = parameters.first { $0.name == "dbname" }?.value ?? ""
    return "postgres://\(list.joined(separator: ","))/\(name)"
  }

  /// `text` as it may be shown: nothing of it when it holds the password.
  func redacted(_ text: String) -> String {
    guard let password, !password.isEmpty, text.contains(password) else { return text }
    return "(left out: the text holds the password)"
  }

  /// The same database's parameters for one address.
  func parameters(host: Host, address: String?) -> [(name: String, value: String)] {
    var all = parameters
    if let name = host.name { all.append(("host", name)) }
    if let address = address ?? host.address { all.append(("hostaddr", address)) }
    if let port = host.port { all.append(("port", port)) }
    return all
  }

  private static func hosts(
    names: String?, addresses: String?, ports: String?
  ) throws(Invalid) -> [Host] {
    func split(_ text: String?) -> [String?] {
      guard let text else { return [] }
      return text.split(separator: ",", omittingEmptySubsequences: false).map {
        $0.isEmpty ? nil : String($0)
      }
    }
    let names = split(names)
    let addresses = split(addresses)
    let ports = split(ports)
    let count = max(names.count, addresses.count, 1)
    guard count <= hostCountMax else {
      throw Invalid("The database's URL names \(count) hosts; the limit is \(hostCountMax).")
    }
    guard names.isEmpty || addresses.isEmpty || names.count == addresses.count else {
      throw Invalid("host and hostaddr of the database's URL are lists of different lengths.")
    }
    guard ports.count <= 1 || ports.count == count else {
      throw Invalid(
        "The database's URL names \(count) hosts and \(ports.count) ports: one, or one for each.")
    }
    let hosts = (0..<count).map { index in
      Host(
        name: names.isEmpty ? nil : names[index],
        address: addresses.isEmpty ? nil : addresses[index],
        port: ports.isEmpty ? nil : ports[ports.count == 1 ? 0 : index])
    }
    for port in hosts.compactMap(\.port) where UInt16(port) ?? 0 == 0 {
      throw Invalid("A port of the database's URL is no number from 1 to 65535.")
    }
    return hosts
  }

  /// Hosts of one URL.
  package static let hostCountMax = 16

  /// What libpq reads in `text`; nil when it refuses. libpq's own message quotes the text, which
  /// holds the password, and is dropped.
  private static func parse(_ text: String) -> [String: String]? {
    let isURL = text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    guard isURL || text.contains("=") else { return nil }
    var message: UnsafeMutablePointer<CChar>?
    guard let options = unsafe PQconninfoParse(text, &message) else {
      unsafe PQfreemem(message)
      return nil
    }
    defer { unsafe PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = unsafe options
    while let name = unsafe option.pointee.keyword {
      if let value = unsafe option.pointee.val {
        unsafe values[String(cString: name)] = unsafe String(cString: value)
      }
      unsafe option += 1
    }
    return values
  }
}

extension PostgresTarget.Invalid {
  fileprivate init(_ text: String) { description = text }
}

extension PostgresTarget.Host {
  /// Whether the name is a folder: libpq looks for a unix socket there ("@": abstract).
  var isUnix: Bool { name.map { $0.hasPrefix("/") || $0.hasPrefix("@") } ?? false }

  /// The address in digits that is known without a lookup.
  var literal: String? {
    if let address { return address }
    guard let name, SocketAddress(literal: name, port: 0) != nil else { return nil }
    return name
  }
}
