// The words of failover as values: side, mode, verb. Plain data, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace halfdoor {

enum class Side : uint8_t { primary, backup };
inline constexpr std::array<Side, 2> kSides{Side::primary, Side::backup};

// Which side serves, and whether writes pass.
enum class Mode : uint8_t { primary, primary_readonly, backup_readonly, backup_writable, closed };
inline constexpr std::array<Mode, 5> kModes{Mode::primary, Mode::primary_readonly, Mode::backup_readonly,
                                            Mode::backup_writable, Mode::closed};

// What an operator may ask for.
enum class Verb : uint8_t { failover, failback, freeze, thaw, promote, close };
inline constexpr std::array<Verb, 6> kVerbs{Verb::failover, Verb::failback, Verb::freeze,
                                            Verb::thaw,     Verb::promote,  Verb::close};

constexpr size_t index_of(Side side) { return static_cast<size_t>(side); }
constexpr size_t index_of(Mode mode) { return static_cast<size_t>(mode); }
constexpr Side other_side(Side side) { return side == Side::primary ? Side::backup : Side::primary; }

// The side that reads go to; none in `closed`.
constexpr std::optional<Side> serving_side(Mode mode) {
  switch (mode) {
    case Mode::primary:
    case Mode::primary_readonly: return Side::primary;
    case Mode::backup_readonly:
    case Mode::backup_writable: return Side::backup;
    case Mode::closed: return std::nullopt;
  }
  return std::nullopt;
}
constexpr bool writes_pass(Mode mode) { return mode == Mode::primary || mode == Mode::backup_writable; }
// Whether reads may go to the backup when every server of the primary fails. After a divergence the two hosts no longer
// tell the same story; after a failover the primary was left on purpose.
constexpr bool may_fall_back(Mode mode, bool diverged) {
  return mode == Mode::primary || (mode == Mode::primary_readonly && !diverged);
}

// As in the control API and on the command line: "backup-readonly", "primary", "failover".
std::string_view to_text(Side side);
std::string_view to_text(Mode mode);
std::string_view to_text(Verb verb);
std::optional<Mode> parse_mode(std::string_view text);
std::optional<Verb> parse_verb(std::string_view text);

}  // namespace halfdoor
