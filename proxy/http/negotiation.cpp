// Proactive negotiation (RFC 9110 12.5): reads hostile Accept fields in one pass and never allocates.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/chars.h"
#include "http/semantics.h"

namespace halfdoor {
namespace {

constexpr size_t kMostAvailable = 32;
constexpr size_t kLongestLanguageRange = 64;
constexpr int kFullWeight = 1000;

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths; null if it is anything else.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * kFullWeight;
  int scale = kFullWeight / 10;
  for (const char c : text.substr(std::min<size_t>(2, text.size()))) {
    if (!is_digit(c)) return std::nullopt;
    weight += (c - '0') * scale;
    scale /= 10;
  }
  return weight <= kFullWeight ? std::optional(weight) : std::nullopt;
}

struct Range {
  std::string_view name;
  int weight = kFullWeight;
};

// `range *( ";" parameter )`; parameters other than q are ignored. Null: not well-formed.
std::optional<Range> parse_range(std::string_view element) {
  const size_t semicolon = element.find(';');
  Range range{trim(element.substr(0, semicolon))};
  std::string_view rest = semicolon == std::string_view::npos ? std::string_view{} : element.substr(semicolon + 1);
  while (!rest.empty()) {
    const size_t next = rest.find(';');
    const std::string_view parameter = trim(rest.substr(0, next));
    rest.remove_prefix(next == std::string_view::npos ? rest.size() : next + 1);
    if (parameter.size() < 2 || !iequals(parameter.substr(0, 2), "q=")) continue;
    const std::optional<int> weight = parse_weight(parameter.substr(2));
    if (!weight) return std::nullopt;
    range.weight = *weight;
  }
  return range;
}

// 0: the range does not match; 1: "*/*"; 2: "type/*"; 3: exactly.
int specificity(std::string_view range, std::string_view type) {
  if (range == "*/*") return 1;
  if (iequals(range, type)) return 3;
  const size_t slash = type.find('/');
  if (slash == std::string_view::npos || range.size() != slash + 2 || range.substr(slash) != "/*") return 0;
  return iequals(range.substr(0, slash), type.substr(0, slash)) ? 2 : 0;
}

// "de-ch-1996" finds "de-ch", then "de" (RFC 4647 3.4).
std::optional<size_t> look_up(std::string_view range, const std::string_view* available, size_t count) {
  if (range.size() > kLongestLanguageRange) return std::nullopt;
  while (!range.empty()) {
    for (size_t i = 0; i < count; ++i) {
      if (iequals(range, available[i])) return i;
    }
    const size_t dash = range.rfind('-');
    if (dash == std::string_view::npos) return std::nullopt;
    range = range.substr(0, dash);
    // A single letter or digit introduces what follows it, and goes with it.
    if (range.size() >= 2 && range[range.size() - 2] == '-') range.remove_suffix(2);
  }
  return std::nullopt;
}

}  // namespace

std::optional<size_t> negotiate_type(const FieldList& fields, const std::string_view* available, size_t count) {
  struct Match {
    int specificity = 0;
    int weight = 0;
  };
  std::array<Match, kMostAvailable> matches{};
  count = std::min(count, kMostAvailable);
  for (const Field& field : fields) {
    if (field.id != FieldId::accept) continue;
    for_each_element(field.value, [&](std::string_view element) {
      const std::optional<Range> range = parse_range(element);
      if (!range) return;
      for (size_t i = 0; i < count; ++i) {
        const int found = specificity(range->name, available[i]);
        if (found > matches[i].specificity) matches[i] = {found, range->weight};
      }
    });
  }
  std::optional<size_t> best;
  bool is_named = false;
  for (size_t i = 0; i < count; ++i) {
    const Match& match = matches[i];
    if (match.weight == 0) continue;
    is_named = is_named || match.specificity > 1;
    const bool is_better = !best || match.weight > matches[*best].weight ||
                           (match.weight == matches[*best].weight && match.specificity > matches[*best].specificity);
    if (is_better) best = i;
  }
  return is_named ? best : std::nullopt;
}

std::optional<size_t> negotiate_language(const FieldList& fields, const std::string_view* available, size_t count) {
  std::array<bool, kMostAvailable> is_excluded{};
  count = std::min(count, kMostAvailable);
  const auto for_each_range = [&fields](auto visit) {
    for (const Field& field : fields) {
      if (field.id != FieldId::accept_language) continue;
      for_each_element(field.value, [&](std::string_view element) {
        const std::optional<Range> range = parse_range(element);
        if (range) visit(*range);
      });
    }
  };
  for_each_range([&](const Range& range) {
    for (size_t i = 0; i < count; ++i) {
      if (range.weight == 0 && iequals(range.name, available[i])) is_excluded[i] = true;
    }
  });
  std::optional<size_t> best;
  int best_weight = 0;
  for_each_range([&](const Range& range) {
    if (range.weight <= best_weight) return;
    const std::optional<size_t> found = look_up(range.name, available, count);
    if (!found || is_excluded[*found]) return;
    best = found;
    best_weight = range.weight;
  });
  return best;
}

}  // namespace halfdoor
