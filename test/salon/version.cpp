// Comparing copies of the salon's data.
#include "version.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <tuple>

#include "database.h"

namespace salon {

namespace {

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

bool is_newer(const Version& one, const Version& other) {
  return std::tie(one.term, one.change) > std::tie(other.term, other.change);
}

Version History::version() const { return {lineage, term_starts.empty() ? 0 : term_starts.rbegin()->first, change}; }

bool History::covers(const Version& version) const {
  if (version.is_empty()) return true;
  if (version.lineage != lineage) return false;
  const auto term = term_starts.find(version.term);
  if (term == term_starts.end()) return false;
  const auto next = std::next(term);
  return version.change <= (next == term_starts.end() ? change : next->second);
}

History read_history(const Database& database) {
  History history;
  Statement counter = database.prepare("SELECT lineage, change FROM replication");
  if (counter.step()) {
    history.lineage = counter.text(0);
    history.change = counter.integer(1);
  }
  Statement terms = database.prepare("SELECT term, started_after_change FROM terms");
  while (terms.step()) history.term_starts[terms.integer(0)] = terms.integer(1);
  return history;
}

std::string to_text(const Version& version) {
  return fmt::format("{}/{}/{}", version.lineage, version.term, version.change);
}

std::optional<Version> parse_version(std::string_view text) {
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto term = parse_number(text.substr(first + 1, second - first - 1));
  const auto change = parse_number(text.substr(second + 1));
  if (!term || !change) return std::nullopt;
  return Version{std::string(text.substr(0, first)), *term, *change};
}

}  // namespace salon
