internal import Registry
internal import Telephony

extension ErrorDetails {
  /// Why staged credentials can't be changed so now.
  static func credential(_ error: RegistryError) -> ErrorDetails {
    switch error {
    case .credentialStaged(let id):
      precondition("CREDENTIAL_STAGED", subject: id.description, error.description)
    case .credentialReplaced(let id, let until):
      precondition(
        "CREDENTIAL_REPLACED", subject: id.description, error.description,
        metadata: ["expire_time": until.rfc3339])
    case .credentialNotStaged(let id):
      precondition("CREDENTIAL_NOT_STAGED", subject: id.description, error.description)
    case .credentialRefused(let id):
      precondition("CREDENTIAL_REFUSED", subject: id.description, error.description)
    default: preconditionFailure("nothing about staged credentials: \(error)")
    }
  }
}
