#include "exchange/rule_match.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "exchange/parameter.h"
#include "http/path.h"

namespace halfdoor {

namespace {

// Nobody writes a longer ambiguous path in good faith; past it every rule matches, so that the work stays small.
constexpr size_t kMostTokens = 64;
constexpr std::string_view kTokenSeparators = "/\\";
constexpr std::string_view kTokenEnds = ";?#";

bool has_allowed_parameter(const Rule::Parameter& wanted, std::string_view query) {
  // A host that splits at ";" and one that does not would see different values.
  if (query.find(';') != std::string_view::npos) return false;
  size_t named = 0;
  bool is_exact = false;
  for_each_parameter(query, "&", [&](const Parameter& parameter) {
    if (may_be_read_as(parameter.name, wanted.name)) {
      ++named;
      is_exact = parameter.name == wanted.name && parameter.value == wanted.value;
    }
    return true;
  });
  return named == 1 && is_exact;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_dot_or_blank(char c) { return c == '.' || static_cast<unsigned char>(c) <= 0x20; }

// Some hosts drop dots and blanks at the end of a name.
std::string_view trim_end(std::string_view segment) {
  while (!segment.empty() && is_dot_or_blank(segment.back())) segment.remove_suffix(1);
  return segment;
}

bool begins_with_and_dot(std::string_view text, std::string_view beginning) {
  return text.size() > beginning.size() && text[beginning.size()] == '.' &&
         iequals(text.substr(0, beginning.size()), beginning);
}

bool segment_matches(std::string_view segment, std::string_view literal, bool is_last) {
  if (literal == "*" || iequals(segment, literal)) return true;
  segment = trim_end(segment);
  if (segment.empty()) return false;
  if (iequals(segment, literal)) return true;
  return is_last && (begins_with_and_dot(segment, literal) || begins_with_and_dot(literal, segment));
}

// A control byte ends a name for some hosts and vanishes for others.
bool token_matches(std::string_view token, std::string_view literal, bool is_last) {
  token = token.substr(0, token.find_first_of(kTokenEnds));
  const auto control = std::find_if(token.begin(), token.end(), is_control);
  if (segment_matches(token.substr(0, static_cast<size_t>(control - token.begin())), literal, is_last)) return true;
  if (control == token.end()) return false;
  std::string without(token);
  std::erase_if(without, is_control);
  return segment_matches(without, literal, is_last);
}

// The first segment of `rest`, which begins with a separator and loses it.
std::string_view take_segment(std::string_view& rest, std::string_view separators) {
  rest.remove_prefix(1);
  const size_t end = std::min(rest.find_first_of(separators), rest.size());
  const std::string_view segment = rest.substr(0, end);
  rest.remove_prefix(end);
  return segment;
}

// Overlong UTF-8 of ASCII becomes the character, as some decoders have it.
void fold_overlong(std::string& text) {
  const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const auto continues = [&](size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
  const auto is_low = [&](size_t at) { return byte(at) == 0x80 || byte(at) == 0x81; };
  size_t out = 0;
  size_t size = 1;
  for (size_t i = 0; i < text.size(); i += size) {
    size = 1;
    unsigned top = 0;
    if ((byte(i) & 0xfeU) == 0xc0 && continues(i + 1)) {
      size = 2;
      top = byte(i);
    } else if (byte(i) == 0xe0 && is_low(i + 1) && continues(i + 2)) {
      size = 3;
      top = byte(i + 1);
    } else if (byte(i) == 0xf0 && byte(i + 1) == 0x80 && is_low(i + 2) && continues(i + 3)) {
      size = 4;
      top = byte(i + 2);
    }
    text[out++] = size == 1 ? text[i] : static_cast<char>((top & 1U) << 6U | (byte(i + size - 1) & 0x3fU));
  }
  text.resize(out);
}

// Whether hosts may split this path, decoded, differently.
bool splits_ambiguously(std::string_view decoded) {
  if (decoded.find_first_of("\\?#") != std::string_view::npos) return true;
  if (std::any_of(decoded.begin(), decoded.end(), is_control)) return true;
  while (!decoded.empty()) {
    const std::string_view segment = take_segment(decoded, "/");
    const bool is_last = decoded.empty();
    const std::string_view name = segment.substr(0, segment.find(';'));
    const bool is_trailing_slash = is_last && segment.empty();
    if (trim_end(name).empty() && !is_trailing_slash) return true;
  }
  return false;
}

std::string without_parameters(std::string_view path) {
  std::string kept;
  while (!path.empty()) {
    const std::string_view segment = take_segment(path, "/");
    kept.push_back('/');
    kept.append(segment.substr(0, segment.find(';')));
  }
  return kept;
}

}  // namespace

bool allow_matches(const Rule& rule, const RequestHead& head) {
  if (!is_normal_form(head.path) || head.path.front() != '/') return false;
  std::string_view rest = head.path;
  for (const std::string& wanted : rule.segments) {
    if (rest.empty()) return false;
    if (wanted == "**") {
      if (rest.size() < 2) return false;
      rest = {};
      break;
    }
    const std::string_view segment = take_segment(rest, "/");
    if (segment.empty() || (wanted != "*" && wanted != segment)) return false;
  }
  if (rest != (rule.trailing_slash ? "/" : "")) return false;
  return !rule.parameter || has_allowed_parameter(*rule.parameter, head.query);
}

// The segments of a rule or of a literal path, one after the other.
class SpellingMatcher::Pattern {
 public:
  explicit Pattern(const Rule& rule) : rule_(&rule) { advance(); }
  explicit Pattern(std::string_view path) : path_(path) { advance(); }

  bool at_end() const { return !next_.has_value(); }
  bool at_rest() const { return next_ == "**"; }
  std::string_view take() {
    const std::string_view taken = *next_;
    advance();
    return taken;
  }

 private:
  void advance() {
    next_.reset();
    if (rule_ != nullptr) {
      if (index_ < rule_->segments.size()) next_ = rule_->segments[index_++];
    } else {
      while (!path_.empty() && (!next_ || next_->empty())) next_ = take_segment(path_, "/");
      if (next_ && next_->empty()) next_.reset();
    }
  }

  const Rule* rule_ = nullptr;
  size_t index_ = 0;
  std::string_view path_;
  std::optional<std::string_view> next_;
};

void SpellingMatcher::prepare() {
  path_ = head_.path;
  kind_ = Kind::plain;
  if (path_.empty() || path_.front() != '/' || is_normal_form(path_)) return;
  decoded_ = path_;
  int rounds = 0;
  for (std::string next; decode_escapes(decoded_, next); ++rounds) {
    if (rounds == kUntilStable) {
      kind_ = Kind::endless;
      return;
    }
    decoded_.swap(next);
    fold_overlong(decoded_);
  }
  const auto slashes = [](std::string_view text) { return std::count(text.begin(), text.end(), '/'); };
  if (slashes(decoded_) != slashes(path_) || splits_ambiguously(decoded_)) {
    const auto is_separator = [](char c) { return kTokenSeparators.find(c) != std::string_view::npos; };
    tokens_ = static_cast<size_t>(std::count_if(decoded_.begin(), decoded_.end(), is_separator));
    kind_ = tokens_ > kMostTokens ? Kind::endless : Kind::ambiguous;
  } else {
    decoded_ = without_parameters(decoded_);
  }
  path_ = decoded_;
}

bool SpellingMatcher::matches_plain(Pattern pattern) const {
  std::string_view rest = path_;
  while (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  bool ends_in_file = false;
  while (!pattern.at_end()) {
    if (pattern.at_rest()) return true;
    if (rest.empty()) return false;
    const std::string_view literal = pattern.take();
    const std::string_view segment = take_segment(rest, "/");
    const bool is_last = pattern.at_end() || pattern.at_rest();
    if (!segment_matches(segment, literal, is_last)) return false;
    ends_in_file = is_last && literal.find('.') != std::string_view::npos;
  }
  return rest.empty() || ends_in_file;
}

bool SpellingMatcher::matches_ambiguous(Pattern pattern) const {
  std::string_view rest = path_;
  size_t wanted = 0;
  while (!pattern.at_end() && !pattern.at_rest()) {
    const std::string_view literal = pattern.take();
    ++wanted;
    if (literal == "*") continue;
    const bool is_last = pattern.at_end() || pattern.at_rest();
    bool found = false;
    while (!found && !rest.empty()) {
      const std::string_view token = take_segment(rest, kTokenSeparators);
      found = token_matches(token, literal, is_last);
    }
    if (!found) return false;
  }
  return wanted <= tokens_;
}

bool SpellingMatcher::matches_pattern(const Pattern& pattern) {
  if (kind_ == Kind::unknown) prepare();
  switch (kind_) {
    case Kind::plain: return matches_plain(pattern);
    case Kind::ambiguous: return matches_ambiguous(pattern);
    case Kind::unknown:
    case Kind::endless: break;
  }
  return true;
}

bool SpellingMatcher::path_matches(const Rule& rule) { return matches_pattern(Pattern(rule)); }

bool SpellingMatcher::deny_matches(const Rule& rule) {
  if (!path_matches(rule)) return false;
  if (!rule.parameter) return true;
  // A "?" that was escaped may begin the query for the host.
  const bool hides_query = kind_ != Kind::plain && path_.find('?') != std::string_view::npos;
  return hides_query || query_.may_have(*rule.parameter);
}

bool SpellingMatcher::matches_path(std::string_view path) { return matches_pattern(Pattern(path)); }

}  // namespace halfdoor
