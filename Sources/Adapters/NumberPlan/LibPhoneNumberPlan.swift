internal import CPhoneNumber
package import Telephony

/// libphonenumber as the port of numbering plans. Answers from memory, from any executor.
///
/// The first answer takes some milliseconds longer: the metadata is parsed then.
package struct LibPhoneNumberPlan: Telephony.NumberPlan {
  package init() {}

  package func assess(_ number: E164) -> NumberAssessment {
    let assessment = unsafe CPhoneNumber_assess(number.text)
    let region = unsafe withUnsafeBytes(of: assessment.region) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return NumberAssessment(
      isPossible: assessment.is_possible, isEmergency: assessment.is_emergency,
      isPremium: assessment.is_premium, country: region.isEmpty ? nil : region)
  }
}
