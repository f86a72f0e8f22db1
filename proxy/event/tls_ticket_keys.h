// TlsTicketKeys: the keys that seal session tickets. All workers share them, so that a client resumes its session with
// any of them; they live in memory alone and change every few hours.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

namespace halfdoor {

// Any thread; the lock is held for as long as it takes to copy a key.
class TlsTicketKeys {
 public:
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};  // AES-256-CBC
    std::array<unsigned char, 32> mac{};     // HMAC-SHA-256
  };
  struct Found {
    Key key;
    bool is_current = false;  // else the client is given a new ticket
  };

  static constexpr int64_t kRotationMs = 8 * 3600 * 1000;
  // A ticket is good for at least so long: it outlives one rotation, and its key two.
  static constexpr int64_t kTicketSeconds = 2 * kRotationMs / 1000;

  TlsTicketKeys() = default;
  TlsTicketKeys(const TlsTicketKeys&) = delete;
  TlsTicketKeys& operator=(const TlsTicketKeys&) = delete;
  ~TlsTicketKeys();

  // For a new ticket; makes a new key when the time has come. `now_ms` as TimerWheel::now_ms(). Nothing: there is no
  // randomness to be had, so no ticket is given.
  std::optional<Key> current(int64_t now_ms);
  // The current key or one of the two before it.
  std::optional<Found> find(const unsigned char* name, int64_t now_ms);

 private:
  static constexpr int kKept = 3;

  bool rotate_if_due(int64_t now_ms);

  std::mutex mutex_;
  std::array<Key, kKept> keys_;  // guarded by mutex_; the current one first
  int count_ = 0;
  int64_t made_ms_ = 0;
};

}  // namespace halfdoor
