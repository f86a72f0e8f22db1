#include "config/mode.h"

namespace halfdoor {

namespace {

constexpr std::array<std::string_view, 2> kSideTexts{"primary", "backup"};
constexpr std::array<std::string_view, 5> kModeTexts{"primary", "primary-readonly", "backup-readonly",
                                                     "backup-writable", "closed"};
constexpr std::array<std::string_view, 6> kVerbTexts{"failover", "failback", "freeze", "thaw", "promote", "close"};

template <class T, size_t N>
std::optional<T> find_text(std::string_view text, const std::array<std::string_view, N>& texts) {
  for (size_t i = 0; i < N; ++i) {
    if (texts[i] == text) return static_cast<T>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(Side side) { return kSideTexts[index_of(side)]; }
std::string_view to_text(Mode mode) { return kModeTexts[index_of(mode)]; }
std::string_view to_text(Verb verb) { return kVerbTexts[static_cast<size_t>(verb)]; }
std::optional<Mode> parse_mode(std::string_view text) { return find_text<Mode>(text, kModeTexts); }
std::optional<Verb> parse_verb(std::string_view text) { return find_text<Verb>(text, kVerbTexts); }

}  // namespace halfdoor
