internal import EventLoops
internal import HTTPServer
internal import Keyring
internal import Registry
internal import StoreSQL
internal import StoreSQLite

/// Why the server could not start. Each text says what to do.
enum ServeError: Error, CustomStringConvertible {
  case dataFolder(path: String, reason: String)
  case dataFolderInUse(path: String)
  case keyring(KeyringPlace, KeyringFile.Failure)
  /// What is stored was sealed with other keys.
  case foreignKeyring(KeyringPlace, [SealCheck.Problem])
  case seals(String)
  case store(path: String, SQLiteMigrations.Failure)
  case database(SQLMigrations.Failure)
  case address(String)
  case listen(String, String)
  case tls(String)
  case identities(path: String, String)
  case registryToken(path: String)
  case administrator(String)

  var description: String {
    switch self {
    case .dataFolder(let path, let reason):
      "The data folder \(path) can't be made or used: \(reason). Choose another with --data-dir."
    case .dataFolderInUse(let path):
      "Another process serves from the data folder \(path). End it, or choose another folder with "
        + "--data-dir."
    case .keyring(let place, let failure):
      "The keyring \(place) can't be used: \(failure)."
    case .foreignKeyring(let place, let problems):
      "The keyring \(place) does not fit the database. "
        + problems.map(\.description).joined(separator: " ")
        + " Start with the keyring that they were sealed with, or add the key's line from it: see "
        + "--keyring."
    case .seals(let reason): "Whether the keyring fits the database can't be told: \(reason)."
    case .store(let path, .newerFile(let version, let known)):
      "\(path) was written by a newer version (\(version), this one knows \(known)). "
        + "Use that version."
    case .store(let path, .sqlite(let error)) where error.isDamage:
      "The database \(path) is damaged: \(error). Keep it and its -wal and -shm files aside, and "
        + "put back a copy that `trunklined backup` made; or move an export to PostgreSQL with "
        + "`trunklined import`."
    case .store(let path, .sqlite(let error)):
      "The database \(path) can't be opened: \(error)."
    case .database(.newerSchema(let component, let version, let known)):
      "The database's tables of the \(component) were made by a newer version (\(version), this "
        + "one knows \(known)). Use that version."
    case .database(.database(let failure)):
      "The database can't be used: \(failure.reason). See --database."
    case .address(let text): "\(text) is no address in digits."
    case .identities(let path, let reason):
      "The identities in \(path) can't be used: \(reason)."
    case .registryToken(let path):
      "\(path) holds no token. `trunkline tokens create --scopes dispatch` makes one for it."
    case .administrator(let reason):
      "The first administrator's token can't be made: \(reason)"
    case .tls(let reason): "gRPC can't be served over TLS: \(reason)"
    case .listen(let address, let reason): "Nothing can listen on \(address): \(reason)."
    }
  }
}

extension SQLFailure {
  /// For people.
  var reason: String {
    switch self {
    case .serialization: "others were faster each time"
    case .uniqueViolation(let constraint): "\(constraint) is violated"
    case .unavailable(let cause, _), .damaged(let cause): cause
    case .deadline: "it did not answer in time"
    }
  }
}
