#include "exchange/parameter.h"

#include <algorithm>

#include "base/text.h"
#include "http/chars.h"

namespace halfdoor {

namespace {

bool is_blank(char c) { return static_cast<unsigned char>(c) <= 0x20; }
bool reads_as_underscore(char c) { return c == '_' || c == '.' || c == ' ' || c == '['; }

}  // namespace

bool decode_escapes(std::string_view text, std::string& out) {
  out.clear();
  bool changed = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
      changed = true;
    }
    out.push_back(c);
  }
  return changed;
}

std::string decode_parameter(std::string_view text, int rounds) {
  std::string decoded(text);
  // Before any decoding: an escaped plus is a plus.
  std::replace(decoded.begin(), decoded.end(), '+', ' ');
  std::string next;
  for (int round = 0; round < rounds && decode_escapes(decoded, next); ++round) decoded.swap(next);
  return decoded;
}

ParameterName::ParameterName(std::string_view as_sent) : core_(as_sent) {
  if (as_sent.find_first_of("%+") != std::string_view::npos) {
    decoded_ = decode_parameter(as_sent, kUntilStable);
    core_ = decoded_;
  }
  while (!core_.empty() && is_blank(core_.front())) core_.remove_prefix(1);
  core_ = core_.substr(0, core_.find('\0'));
  if (const size_t bracket = core_.find('[', 1); bracket != std::string_view::npos) core_ = core_.substr(0, bracket);
  while (!core_.empty() && is_blank(core_.back())) core_.remove_suffix(1);
}

bool ParameterName::may_be_read_as(std::string_view wanted) const {
  if (core_.size() != wanted.size()) return false;
  for (size_t i = 0; i < core_.size(); ++i) {
    if (ascii_lower(core_[i]) == ascii_lower(wanted[i])) continue;
    if (!reads_as_underscore(core_[i]) || !reads_as_underscore(wanted[i])) return false;
  }
  return true;
}

ParameterValue::ParameterValue(std::string_view as_sent)
    : as_sent_(as_sent), has_escapes_(as_sent.find_first_of("%+") != std::string_view::npos) {
  if (!has_escapes_) return;
  once_ = decode_parameter(as_sent, 1);
  stable_ = decode_parameter(as_sent, kUntilStable);
}

bool ParameterValue::may_be_read_as(std::string_view wanted) const {
  const auto is_it = [wanted](std::string_view text) { return iequals(trim(text.substr(0, text.find('\0'))), wanted); };
  return is_it(as_sent_) || (has_escapes_ && (is_it(once_) || is_it(stable_)));
}

}  // namespace halfdoor
