#include "CPhoneNumber.h"

#include <cstring>
#include <list>
#include <set>
#include <string>

#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>
#include <phonenumbers/shortnumberinfo.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;
using i18n::phonenumbers::ShortNumberInfo;

namespace {

/// Emergency numbers have no more digits than this in any plan.
constexpr std::size_t kEmergencyDigitsMax = 6;

/// Made once: it parses its metadata.
const ShortNumberInfo &short_numbers() {
  static const ShortNumberInfo info;
  return info;
}

const std::set<std::string> &all_regions() {
  static const std::set<std::string> regions = [] {
    std::set<std::string> set;
    PhoneNumberUtil::GetInstance()->GetSupportedRegions(&set);
    return set;
  }();
  return regions;
}

/// Exact matches only: India's 11 2345 6789 begins with an emergency number and is none.
template <typename Regions>
bool is_emergency(const std::string &digits, const Regions &regions) {
  if (digits.empty() || digits.size() > kEmergencyDigitsMax) return false;
  for (const auto &region : regions) {
    if (short_numbers().IsEmergencyNumber(digits, region)) return true;
  }
  return false;
}

}  // namespace

struct CPhoneNumber_assessment CPhoneNumber_assess(const char *number) {
  CPhoneNumber_assessment result{};
  const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
  const std::string text(number);
  // "+911" is what somebody may make of an emergency number, whatever +91 is.
  result.is_emergency = is_emergency(text.substr(1), all_regions());

  PhoneNumber parsed;
  if (util.Parse(text, "ZZ", &parsed) != PhoneNumberUtil::NO_PARSING_ERROR) return result;

  std::string national;
  util.GetNationalSignificantNumber(parsed, &national);
  std::list<std::string> regions;
  util.GetRegionCodesForCountryCallingCode(parsed.country_code(), &regions);
  result.is_emergency = result.is_emergency || is_emergency(national, regions);
  result.is_possible =
      util.IsPossibleNumberWithReason(parsed) == PhoneNumberUtil::IS_POSSIBLE;
  result.is_premium = util.GetNumberType(parsed) == PhoneNumberUtil::PREMIUM_RATE;

  std::string region;
  util.GetRegionCodeForNumber(parsed, &region);
  // ZZ is "unknown"; 001 is a plan without a country.
  if (region.size() == 2 && region != "ZZ") {
    std::memcpy(result.region, region.c_str(), region.size() + 1);
  }
  return result;
}
