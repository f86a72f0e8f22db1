// Every time and size of the replication in one place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace salon::limits {

inline constexpr std::int64_t snapshot_wait_ms = 1000;      // a replica's question waits so long for news
inline constexpr std::int64_t max_snapshot_wait_ms = 5000;  // whatever it asks for
inline constexpr std::size_t max_waiting = 16;              // more are answered at once: nothing new
inline constexpr std::int64_t snapshot_transfer_ms = 5000;  // on top of the wait, for the data itself
inline constexpr std::int64_t snapshot_pause_ms = 5;        // leaves the loop to the clients under many writes
inline constexpr std::int64_t status_timeout_ms = 1000;
inline constexpr std::int64_t status_pause_ms = 500;
inline constexpr std::int64_t error_pause_ms = 200;
inline constexpr std::int64_t question_timeout_ms = 400;  // less than a health check gives us
inline constexpr std::size_t max_questions = 32;

}  // namespace salon::limits
