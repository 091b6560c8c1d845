internal import COpenSSL

/// How a handshake ended, as gRFC A118 counts it: the raw value is the label
/// `grpc.tls.handshake.result`.
package enum TLSHandshakeResult: String, Hashable, Sendable, CaseIterable {
  case success = "SUCCESS"
  /// What fits no other.
  case unknownFailure = "UNKNOWN_FAILURE"

  case certificateVerificationFailed = "CERTIFICATE_VERIFICATION_FAILED"
  case certificateRevoked = "CERTIFICATE_REVOKED"
  case certificateExpired = "CERTIFICATE_EXPIRED"
  case certificateNotYetValid = "CERTIFICATE_NOT_YET_VALID"
  case certificateAuthorityInvalid = "CERTIFICATE_AUTHORITY_INVALID"
  case certificateHostnameMismatch = "CERTIFICATE_HOSTNAME_MISMATCH"
  case certificateMalformed = "CERTIFICATE_MALFORMED"

  case cipherSuiteMismatch = "CIPHER_SUITE_MISMATCH"
  case protocolVersionUnsupported = "PROTOCOL_VERSION_UNSUPPORTED"
  case inappropriateFallback = "INAPPROPRIATE_FALLBACK"
  case noApplicationProtocol = "NO_APPLICATION_PROTOCOL"

  case signatureVerificationFailed = "SIGNATURE_VERIFICATION_FAILED"
  case decryptionFailed = "DECRYPTION_FAILED"
  case keyExchangeFailure = "KEY_EXCHANGE_FAILURE"

  case unexpectedMessage = "UNEXPECTED_MESSAGE"
  /// The owner's bound for a handshake has passed.
  case handshakeTimeout = "HANDSHAKE_TIMEOUT"
  /// The peer was gone before the handshake was done.
  case peerConnectionClosed = "PEER_CONNECTION_CLOSED"
}

/// The label `grpc.tls.handshake.resumed` of gRFC A118.
package enum TLSResumption: String, Hashable, Sendable, CaseIterable {
  case full = "FULL_HANDSHAKE"
  case resumed = "RESUMED_HANDSHAKE"
}

/// Why a session is over.
package struct TLSFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the failure is counted as when it was one of the handshake.
  package let result: TLSHandshakeResult
  /// OpenSSL's words, or ours; nothing secret is in them.
  package let reason: String

  package init(_ result: TLSHandshakeResult, reason: String) {
    self.result = result
    self.reason = reason
  }

  package var description: String { "TLS failed: \(reason)" }
}

extension TLSFailure {
  /// What OpenSSL says of a call that failed on a session whose verification gave `verification`.
  init(_ error: LibraryError, verification: Int) {
    if error.library == Int32(ERR_LIB_SSL), error.reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
      let text = unsafe String(cString: X509_verify_cert_error_string(verification))
      self.init(TLSHandshakeResult(verification: Int32(verification)), reason: text)
    } else if error.library == Int32(ERR_LIB_SSL), error.reason > SSL_AD_REASON_OFFSET {
      self.init(
        TLSHandshakeResult(alert: error.reason - SSL_AD_REASON_OFFSET),
        reason: "the peer refused: \(error.text)")
    } else if error.library == Int32(ERR_LIB_SSL) {
      self.init(TLSHandshakeResult(reason: error.reason), reason: error.text)
    } else if error.library == Int32(ERR_LIB_ASN1) || error.library == Int32(ERR_LIB_X509) {
      self.init(.certificateMalformed, reason: error.text)
    } else {
      self.init(.unknownFailure, reason: error.text)
    }
  }
}

extension TLSHandshakeResult {
  /// From X509_V_ERR_….
  init(verification code: Int32) {
    switch code {
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .certificateExpired
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .certificateNotYetValid
    case X509_V_ERR_CERT_REVOKED: self = .certificateRevoked
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH,
      X509_V_ERR_EMAIL_MISMATCH:
      self = .certificateHostnameMismatch
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED,
      X509_V_ERR_INVALID_CA:
      self = .certificateAuthorityInvalid
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD,
      X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, X509_V_ERR_INVALID_EXTENSION:
      self = .certificateMalformed
    default: self = .certificateVerificationFailed
    }
  }

  /// From an alert of the peer (RFC 8446, section 6.2, and RFC 7301 and 7507 for the last ones).
  init(alert code: Int32) {
    switch code {
    case 10: self = .unexpectedMessage
    case 20, 21: self = .decryptionFailed
    // handshake_failure: mostly, that there is no cipher suite that both have.
    case 40, 71: self = .cipherSuiteMismatch
    case 42, 46, 116: self = .certificateVerificationFailed
    case 43: self = .certificateMalformed
    case 44: self = .certificateRevoked
    case 45: self = .certificateExpired
    case 48: self = .certificateAuthorityInvalid
    case 51: self = .signatureVerificationFailed
    case 70: self = .protocolVersionUnsupported
    case 86: self = .inappropriateFallback
    case 120: self = .noApplicationProtocol
    default: self = .unknownFailure
    }
  }

  /// From SSL_R_….
  init(reason code: Int32) {
    switch code {
    case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_CIPHERS_AVAILABLE, SSL_R_NO_CIPHERS_SPECIFIED,
      SSL_R_UNKNOWN_CIPHER_RETURNED, SSL_R_WRONG_CIPHER_RETURNED,
      SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      self = .cipherSuiteMismatch
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER, SSL_R_WRONG_SSL_VERSION,
      SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH, SSL_R_UNKNOWN_PROTOCOL,
      SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
      self = .protocolVersionUnsupported
    case SSL_R_INAPPROPRIATE_FALLBACK: self = .inappropriateFallback
    case SSL_R_NO_APPLICATION_PROTOCOL: self = .noApplicationProtocol
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SSL_R_NO_CERTIFICATES_RETURNED,
      SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK:
      self = .certificateVerificationFailed
    case SSL_R_CERT_LENGTH_MISMATCH, SSL_R_BAD_ECC_CERT, SSL_R_UNKNOWN_CERTIFICATE_TYPE,
      SSL_R_WRONG_CERTIFICATE_TYPE, SSL_R_UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS:
      self = .certificateMalformed
    case SSL_R_BAD_SIGNATURE, SSL_R_WRONG_SIGNATURE_TYPE, SSL_R_WRONG_SIGNATURE_SIZE,
      SSL_R_DIGEST_CHECK_FAILED, SSL_R_BINDER_DOES_NOT_VERIFY:
      self = .signatureVerificationFailed
    case SSL_R_DECRYPTION_FAILED, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      self = .decryptionFailed
    case SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SUITABLE_GROUPS, SSL_R_NO_SHARED_GROUPS,
      SSL_R_BAD_KEY_SHARE, SSL_R_BAD_ECPOINT, SSL_R_WRONG_CURVE, SSL_R_BAD_DH_VALUE,
      SSL_R_UNSUPPORTED_ELLIPTIC_CURVE:
      self = .keyExchangeFailure
    case SSL_R_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD, SSL_R_UNEXPECTED_CCS_MESSAGE,
      SSL_R_CCS_RECEIVED_EARLY, SSL_R_APP_DATA_IN_HANDSHAKE, SSL_R_BAD_RECORD_TYPE,
      SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_BAD_CHANGE_CIPHER_SPEC,
      SSL_R_EXCESSIVE_MESSAGE_SIZE, SSL_R_LENGTH_MISMATCH, SSL_R_INVALID_CCS_MESSAGE:
      self = .unexpectedMessage
    default: self = .unknownFailure
    }
  }
}
