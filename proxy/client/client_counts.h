// ClientCounts: how many connections each client address has open, over all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace halfdoor {

// Shared by the workers; asked only where limits.connections_per_client is set, when a connection begins and ends.
class ClientCounts : public std::enable_shared_from_this<ClientCounts> {
 public:
  // One connection of an address, counted as long as this lives.
  class Place {
   public:
    Place(std::shared_ptr<ClientCounts> counts, std::string address)
        : counts_(std::move(counts)), address_(std::move(address)) {}
    Place(Place&&) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      std::swap(counts_, other.counts_);
      std::swap(address_, other.address_);
      return *this;
    }
    ~Place() {
      if (counts_ != nullptr) counts_->give_back(address_);
    }

   private:
    std::shared_ptr<ClientCounts> counts_;
    std::string address_;
  };

  // Null: the address has `most` already.
  std::optional<Place> take(std::string address, uint64_t most) {
    {
      const std::lock_guard lock(mutex_);
      uint64_t& count = counts_[address];
      if (count >= most) return std::nullopt;
      ++count;
    }
    return Place(shared_from_this(), std::move(address));
  }
  size_t addresses() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void give_back(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(address);
    if (--found->second == 0) counts_.erase(found);
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, uint64_t> counts_;  // guarded by mutex_; never 0
};

}  // namespace halfdoor
