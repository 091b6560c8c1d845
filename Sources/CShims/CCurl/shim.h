#pragma once

// Our wrappers have one type each; curl's own macro check would only see their variables.
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

// Swift calls no variadic function: one wrapper for each type of argument.

static inline CURLcode CCurl_easy_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode CCurl_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode CCurl_easy_set_text(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}

static inline CURLcode CCurl_easy_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return curl_easy_setopt(easy, option, value);
}

typedef size_t (*CCurl_data_callback)(char *, size_t, size_t, void *);

static inline CURLcode CCurl_easy_set_data_callback(
    CURL *easy, CURLoption option, CCurl_data_callback callback) {
  return curl_easy_setopt(easy, option, callback);
}

static inline CURLcode CCurl_easy_set_prerequest_callback(
    CURL *easy, curl_prereq_callback callback) {
  return curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
}

static inline CURLcode CCurl_easy_get_long(CURL *easy, CURLINFO info, long *value) {
  return curl_easy_getinfo(easy, info, value);
}

static inline CURLMcode CCurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode CCurl_multi_set_pointer(
    CURLM *multi, CURLMoption option, const void *value) {
  return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode CCurl_multi_set_socket_callback(
    CURLM *multi, curl_socket_callback callback) {
  return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, callback);
}

static inline CURLMcode CCurl_multi_set_timer_callback(
    CURLM *multi, curl_multi_timer_callback callback) {
  return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, callback);
}

/// Macros with casts that Swift does not see.
static inline curl_socket_t CCurl_socket_timeout(void) { return CURL_SOCKET_TIMEOUT; }
static inline int CCurl_global_init(void) { return (int)curl_global_init(CURL_GLOBAL_DEFAULT); }
