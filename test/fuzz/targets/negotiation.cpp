// Accept and Accept-Language: what is chosen is acceptable, and nothing else is preferred, by a reference that knows
// only well-formed fields; anything else never ends badly.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "fuzz/fuzz_target.h"
#include "fuzz/reference/message.h"
#include "http/semantics.h"

namespace halfdoor::fuzz {

namespace {

using reference::lower;

constexpr std::string_view kTypes[] = {"text/html", "application/problem+json", "application/json", "text/plain"};
constexpr std::string_view kLanguages[] = {"en", "de", "de-at", "fr", "zh-hant"};

struct Range {
  std::string name;
  int weight = 1000;
};

std::string strip(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return std::string(text);
}

// Null unless every element is `range [ ; q=qvalue ]` and nothing else.
std::optional<std::vector<Range>> well_formed(const std::vector<std::string_view>& values, std::string_view extra) {
  std::vector<Range> ranges;
  for (std::string_view value : values) {
    while (true) {
      const size_t comma = value.find(',');
      const std::string element = strip(value.substr(0, comma));
      if (!element.empty()) {
        const size_t semicolon = std::min(element.find(';'), element.size());
        Range range{lower(strip(element.substr(0, semicolon)))};
        const bool is_name = !range.name.empty() && std::all_of(range.name.begin(), range.name.end(), [extra](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
        });
        if (!is_name) return std::nullopt;
        if (semicolon < element.size()) {
          const std::string weight = lower(strip(std::string_view(element).substr(semicolon + 1)));
          if (weight.size() < 3 || weight.size() > 7 || !weight.starts_with("q=")) return std::nullopt;
          if (weight[2] != '0' && weight[2] != '1') return std::nullopt;
          if (weight.size() > 3 && weight[3] != '.') return std::nullopt;
          for (const char c : weight.substr(std::min<size_t>(4, weight.size()))) {
            if (c < '0' || c > '9' || (weight[2] == '1' && c != '0')) return std::nullopt;
          }
          range.weight = static_cast<int>(std::strtod(weight.c_str() + 2, nullptr) * 1000 + 0.5);
        }
        ranges.push_back(range);
      }
      if (comma == std::string_view::npos) break;
      value.remove_prefix(comma + 1);
    }
  }
  return ranges;
}

// The weight of a type by the most specific range; of several equal ones the first counts.
int weight_of(std::string_view type, const std::vector<Range>& ranges, int& specificity) {
  int weight = 0;
  specificity = 0;
  for (const Range& range : ranges) {
    int found = 0;
    if (range.name == "*/*") found = 1;
    if (range.name == std::string(type.substr(0, type.find('/'))) + "/*") found = 2;
    if (range.name == type) found = 3;
    if (found <= specificity) continue;
    specificity = found;
    weight = range.weight;
  }
  return weight;
}

void check_type(std::optional<size_t> chosen, const std::vector<Range>& ranges) {
  int best = 0;
  bool is_named = false;
  int specificity = 0;
  for (const std::string_view type : kTypes) {
    const int weight = weight_of(type, ranges, specificity);
    best = std::max(best, weight);
    is_named = is_named || (specificity > 1 && weight > 0);
  }
  require(chosen.has_value() == is_named, "a type is chosen when one is accepted by name");
  if (chosen) require(weight_of(kTypes[*chosen], ranges, specificity) == best, "no other type is preferred");
}

// A range finds its tag, or one that it begins with.
bool finds(std::string_view range, std::string_view tag) {
  return range == tag || (range.starts_with(tag) && range[tag.size()] == '-');
}

void check_language(std::optional<size_t> chosen, const std::vector<Range>& ranges) {
  const auto is_excluded = [&](std::string_view tag) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const Range& range) { return range.weight == 0 && range.name == tag; });
  };
  int chosen_weight = 0;
  if (chosen) {
    require(!is_excluded(kLanguages[*chosen]), "a language that is not acceptable is not chosen");
    for (const Range& range : ranges) {
      if (finds(range.name, kLanguages[*chosen])) chosen_weight = std::max(chosen_weight, range.weight);
    }
    require(chosen_weight > 0, "a language is chosen only by a range that finds it");
  }
  for (const Range& range : ranges) {
    for (const std::string_view tag : kLanguages) {
      if (range.name == tag && !is_excluded(tag)) {
        require(range.weight <= chosen_weight, "no other language is preferred");
      }
    }
  }
}

void run(std::string_view bytes) {
  Input input(bytes);
  const bool is_language = input.flag();
  std::vector<std::string_view> values;
  FieldList fields;
  while (!input.rest().empty()) {
    values.push_back(input.line());
    fields.add(is_language ? "Accept-Language" : "accept", values.back());
  }
  if (is_language) {
    const auto chosen = negotiate_language(fields, kLanguages, std::size(kLanguages));
    require(!chosen || *chosen < std::size(kLanguages), "what is chosen is available");
    if (const auto ranges = well_formed(values, "-")) check_language(chosen, *ranges);
  } else {
    const auto chosen = negotiate_type(fields, kTypes, std::size(kTypes));
    require(!chosen || *chosen < std::size(kTypes), "what is chosen is available");
    if (const auto ranges = well_formed(values, "/+*-.")) check_type(chosen, *ranges);
  }
}

HALFDOOR_FUZZ_TARGET(negotiation, run);

}  // namespace

}  // namespace halfdoor::fuzz
