#include "event/tls_ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace halfdoor {

TlsTicketKeys::~TlsTicketKeys() { OPENSSL_cleanse(keys_.data(), sizeof(keys_)); }

bool TlsTicketKeys::rotate_if_due(int64_t now_ms) {
  if (count_ > 0 && now_ms - made_ms_ < kRotationMs) return true;
  Key made;
  if (RAND_bytes(made.name.data(), static_cast<int>(made.name.size())) != 1 ||
      RAND_priv_bytes(made.cipher.data(), static_cast<int>(made.cipher.size())) != 1 ||
      RAND_priv_bytes(made.mac.data(), static_cast<int>(made.mac.size())) != 1) {
    return false;
  }
  // After a long pause the earlier keys are as old as the pause: two rotations' worth of time ends them all.
  if (count_ > 0 && now_ms - made_ms_ >= kKept * kRotationMs) count_ = 0;
  std::rotate(keys_.begin(), keys_.end() - 1, keys_.end());
  keys_.front() = made;
  OPENSSL_cleanse(&made, sizeof(made));
  count_ = std::min(count_ + 1, kKept);
  made_ms_ = now_ms;
  return true;
}

std::optional<TlsTicketKeys::Key> TlsTicketKeys::current(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (!rotate_if_due(now_ms)) return std::nullopt;
  return keys_.front();
}

std::optional<TlsTicketKeys::Found> TlsTicketKeys::find(const unsigned char* name, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (!rotate_if_due(now_ms)) return std::nullopt;
  for (int i = 0; i < count_; ++i) {
    const Key& key = keys_[static_cast<size_t>(i)];
    if (std::memcmp(key.name.data(), name, key.name.size()) == 0) return Found{key, i == 0};
  }
  return std::nullopt;
}

}  // namespace halfdoor
