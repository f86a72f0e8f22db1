#include "exchange/graphql_request.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "exchange/body_parameters.h"
#include "exchange/graphql_document.h"

namespace halfdoor {

namespace {

constexpr std::array<std::string_view, 4> kMembers = {"query", "operationName", "variables", "extensions"};
enum Member : size_t { kQuery, kOperationName, kVariables, kExtensions, kNone };

Member find_member(std::string_view name) {
  size_t at = 0;
  while (at < kMembers.size() && kMembers[at] != name) ++at;
  return static_cast<Member>(at);
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hex;
  for (unsigned char byte : digest) {
    hex.push_back("0123456789abcdef"[byte >> 4U]);
    hex.push_back("0123456789abcdef"[byte & 15U]);
  }
  return hex;
}

// Follows the events of a JSON parser through a request or a list of requests; false from any of them: it is refused.
class RequestListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  // At least one request, and all of them read to their end.
  bool is_complete() const { return requests_ > 0 && depth_ == 0; }

  bool key(string_t& name) override {
    switch (depth_ - base_) {
      case 1: return begin_member(find_member(name));
      case 2:
        is_hash_next_ = member_ == kExtensions && iequals(name, kPersisted);
        return !is_hash_next_ || name == kPersisted;
      case 3: return !in_persisted_ || begin_hash_member(name);
      default: return true;
    }
  }
  bool string(string_t& text) override {
    if (in_persisted_) return take_hash(text);
    if (depth_ - base_ != 1) return is_nested_scalar();
    if (member_ == kOperationName) return true;
    if (member_ != kQuery || read_graphql_document(text) != GraphqlDocument::queries) return false;
    query_ = std::move(text);
    return true;
  }
  bool null() override {
    if (in_persisted_) return false;
    return depth_ - base_ == 1 ? member_ != kQuery : is_nested_scalar();
  }
  bool boolean(bool) override { return is_nested_scalar() && !in_persisted_; }
  bool number_integer(number_integer_t) override { return take_number(); }
  bool number_unsigned(number_unsigned_t) override { return take_number(); }
  bool number_float(number_float_t, const string_t&) override { return take_number(); }
  bool binary(binary_t&) override { return false; }

  bool start_object(size_t) override {
    const size_t depth = depth_++ - base_;
    if (in_persisted_) return false;
    if (depth == 0) return begin_request();
    if (depth == 1) return member_ == kVariables || member_ == kExtensions;
    if (is_hash_next_) in_persisted_ = true;
    is_hash_next_ = false;
    return true;
  }
  bool end_object() override {
    const size_t depth = --depth_ - base_;
    in_persisted_ = false;
    return depth > 0 || end_request();
  }
  bool start_array(size_t) override {
    if (depth_ == 0 && base_ == 0) {
      base_ = 1;
    } else if (depth_ - base_ < 2 || is_hash_next_ || in_persisted_) {
      return false;
    }
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  static constexpr std::string_view kPersisted = "persistedQuery";

  bool is_nested_scalar() const { return depth_ - base_ >= 2 && !is_hash_next_; }

  bool begin_request() {
    seen_ = {};
    query_.reset();
    hash_.reset();
    has_hash_member_ = {};
    return true;
  }
  bool begin_member(Member member) {
    member_ = member;
    return member != kNone && !std::exchange(seen_[member], true);
  }
  bool begin_hash_member(std::string_view name) {
    hash_member_ = name == "sha256Hash" ? 0 : name == "version" ? 1 : 2;
    return hash_member_ < 2 && !std::exchange(has_hash_member_[hash_member_], true);
  }
  bool take_hash(std::string& text) {
    if (hash_member_ != 0) return false;
    hash_ = std::move(text);
    return true;
  }
  bool take_number() const { return in_persisted_ ? hash_member_ == 1 : is_nested_scalar(); }
  bool end_request() {
    ++requests_;
    if (!query_) return false;
    // A host that goes by the hash alone must find the same text.
    const bool has_persisted = hash_ || has_hash_member_[1];
    return !has_persisted || (hash_ && iequals(*hash_, sha256_hex(*query_)));
  }

  size_t depth_ = 0;  // containers that are open
  size_t base_ = 0;   // 1 in a list of requests: where a request begins
  size_t requests_ = 0;
  // Of the present request.
  std::array<bool, kMembers.size()> seen_{};
  Member member_ = kNone;
  std::optional<std::string> query_;
  std::optional<std::string> hash_;
  bool is_hash_next_ = false;  // the value of persistedQuery comes next
  bool in_persisted_ = false;
  std::array<bool, 2> has_hash_member_{};
  size_t hash_member_ = 0;
};

bool feed_json(std::string_view text, RequestListener& listener) {
  // The parser takes NUL for the end of the text.
  return text.find('\0') == std::string_view::npos && nlohmann::json::sax_parse(text.begin(), text.end(), &listener);
}

// Null where hosts that decode twice, or leniently, would see another text.
std::optional<std::string> decode_strictly(std::string_view value) {
  std::string decoded = decode_parameter(value, 1);
  std::string again;
  const auto escapes = std::count(value.begin(), value.end(), '%');
  if (value.size() - decoded.size() != static_cast<size_t>(2 * escapes)) return std::nullopt;
  if (decoded.find('\0') != std::string::npos || decode_escapes(decoded, again)) return std::nullopt;
  return decoded;
}

bool feed_parameter(Member member, std::string value, RequestListener& listener) {
  std::string name(kMembers[member]);
  if (!listener.key(name)) return false;
  if (member == kQuery || member == kOperationName) return listener.string(value);
  return value.empty() ? listener.null() : feed_json(value, listener);
}

std::string_view essence_of(const FieldList& fields) {
  const Field* type = fields.find(FieldId::content_type);
  return type == nullptr ? std::string_view{} : trim(type->value.substr(0, type->value.find(';')));
}

}  // namespace

GraphqlParameters read_graphql_parameters(std::string_view query, const std::vector<std::string>& override_names) {
  // Where a host splits at ";" there are other parameters.
  if (query.find(';') != std::string_view::npos) return GraphqlParameters::refused;
  RequestListener listener;
  bool has_any = false;
  listener.start_object(0);
  const bool all_pass = for_each_parameter(query, "&", [&](const Parameter& parameter) {
    const Member member = find_member(parameter.name);
    if (member == kNone) return is_override_parameter(parameter.name, override_names);
    has_any = true;
    std::optional<std::string> value = decode_strictly(parameter.value);
    return value && feed_parameter(member, std::move(*value), listener);
  });
  if (!all_pass) return GraphqlParameters::refused;
  if (!has_any) return GraphqlParameters::none;
  return listener.end_object() ? GraphqlParameters::queries : GraphqlParameters::refused;
}

bool is_graphql_type(const FieldList& fields) {
  const std::string_view essence = essence_of(fields);
  return iequals(essence, "application/json") || iequals(essence, "application/graphql");
}

bool has_only_graphql_queries(const FieldList& fields, std::string_view body) {
  if (!is_graphql_type(fields) || !is_plain_type(fields.find(FieldId::content_type)->value)) return false;
  if (iequals(essence_of(fields), "application/graphql")) {
    return read_graphql_document(body) == GraphqlDocument::queries;
  }
  RequestListener listener;
  return feed_json(body, listener) && listener.is_complete();
}

}  // namespace halfdoor
