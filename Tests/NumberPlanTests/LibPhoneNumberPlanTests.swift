import NumberPlan
import Telephony
import Testing

@Suite struct LibPhoneNumberPlanTests {
  private let plan = LibPhoneNumberPlan()

  private func assess(_ text: String) throws -> NumberAssessment {
    plan.assess(try E164(text))
  }

  @Test(arguments: [
    ("+12025550123", "US"), ("+14165550123", "CA"), ("+18765550123", "JM"),
    ("+442079460000", "GB"), ("+353861234567", "IE"), ("+61491570006", "AU"),
    ("+911123456789", "IN"), ("+37061234567", "LT"),
  ])
  func knowsTheCountry(_ number: String, _ country: String) throws {
    let assessment = try assess(number)
    #expect(assessment.isPossible)
    #expect(!assessment.isEmergency)
    #expect(!assessment.isPremium)
    #expect(assessment.country == country)
  }

  @Test(arguments: ["+1202555", "+120255501234", "+44", "+999123456789", "+3531", "+1"])
  func refusesWhatIsNotPossible(_ number: String) throws {
    #expect(try !assess(number).isPossible)
  }

  @Test func doesNotRefuseANumberThatIsNewerThanItsMetadata() throws {
    // An area code that nobody has assigned.
    #expect(try assess("+12995550123").isPossible)
  }

  @Test(arguments: [
    "+911", "+112", "+999", "+1911", "+44999", "+44112", "+61000", "+91112", "+110",
  ])
  func knowsEmergencyNumbers(_ number: String) throws {
    #expect(try assess(number).isEmergency)
  }

  @Test(arguments: ["+19005550123", "+449098790000", "+611900123456"])
  func knowsPremiumNumbers(_ number: String) throws {
    #expect(try assess(number).isPremium)
  }

  @Test func aNumberOfNoCountryHasNone() throws {
    let freephone = try assess("+80012345678")
    #expect(freephone.isPossible)
    #expect(freephone.country == nil)
  }

  @Test func answersFromManyTasksAtATime() async throws {
    let number = try E164("+12025550123")
    let plan = plan
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<64 { group.addTask { plan.assess(number).country == "US" } }
      for await isRight in group { #expect(isRight) }
    }
  }
}
