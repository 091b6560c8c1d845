#pragma once

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What libphonenumber says about a number.
struct CPhoneNumber_assessment {
  bool is_possible;
  bool is_emergency;
  bool is_premium;
  /// ISO 3166 code and NUL; empty when the number belongs to no country, or none is known.
  char region[4];
};

/// Assesses `number`, `+` and digits, NUL at the end. Answers from memory, from any thread.
struct CPhoneNumber_assessment CPhoneNumber_assess(const char *number);

#ifdef __cplusplus
}
#endif
