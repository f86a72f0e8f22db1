// WatchedName: one host name, the last good answer for it, and when to ask again.
#pragma once

#include <optional>
#include <string>

#include "base/text.h"
#include "control/name_answer.h"

namespace halfdoor {

// More addresses than anybody tries in turn within timeouts.connect.
inline constexpr size_t kMostAddressesOfName = 16;
// How long an answer counts: what its TTL says, within these bounds; without one, as in /etc/hosts, the last.
inline constexpr Milliseconds kLeastTtl{1'000};
inline constexpr Milliseconds kMostTtl{300'000};
inline constexpr Milliseconds kTtlOfHostsFile{30'000};
// The pause after a failure; doubled with each one that follows.
inline constexpr Milliseconds kFirstPause{1'000};
inline constexpr Milliseconds kLongestPause{30'000};
// However much trouble there is.
inline constexpr Milliseconds kLeastBetweenQuestions{1'000};

// What is known after an answer: what was known before and still holds, in its order, then what is new, by the family
// that is preferred. A family that failed keeps its addresses; those that cannot be a host's are left out. Null: the
// answer says nothing that could be used.
std::optional<AddressList> merge_answer(const AddressList& before, const NameAnswer& answer);

// Pure: the caller has the clock and asks the questions.
class WatchedName {
 public:
  explicit WatchedName(std::string host) : host_(std::move(host)) {}

  const std::string& host() const { return host_; }
  // The last good answer; empty: there never was one. Ports are 0.
  const AddressList& addresses() const { return addresses_; }
  std::optional<WallTime> resolved_at() const { return resolved_at_; }
  // Why the last question had no good answer; empty: it had one.
  const std::string& error() const { return error_; }
  std::optional<WallTime> failing_since() const { return failing_since_; }
  uint64_t failures() const { return failures_; }
  uint64_t changes() const { return changes_; }
  // At least one question has been answered, or has failed.
  bool was_asked() const { return resolved_at_ || failures_ > 0; }

  // When to ask; null: a question is on its way.
  std::optional<SteadyTime> due() const { return is_being_asked_ ? std::nullopt : std::optional(due_); }
  void begin(SteadyTime now);
  // Returns whether the addresses are others now.
  bool end(const NameAnswer& answer, SteadyTime now, WallTime wall);
  // A server of this name does not do what it should: the answer may be outdated.
  void on_trouble(SteadyTime now);

 private:
  const std::string host_;
  AddressList addresses_;
  std::optional<WallTime> resolved_at_;
  std::optional<WallTime> failing_since_;
  std::string error_;
  uint64_t failures_ = 0;
  uint64_t failures_in_a_row_ = 0;
  uint64_t changes_ = 0;
  bool is_being_asked_ = false;
  SteadyTime asked_at_{};
  SteadyTime due_{};
};

}  // namespace halfdoor
