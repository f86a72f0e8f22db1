#include "control/watched_name.h"

#include <netinet/in.h>

#include <algorithm>

namespace halfdoor {

namespace {

// Connecting to "any address" would reach this machine, which is what some resolvers answer for names that they block.
bool may_be_a_host(const Address& address) {
  if (address.family() == AF_INET) {
    const uint32_t bits = ntohl(reinterpret_cast<const sockaddr_in*>(address.socket_address())->sin_addr.s_addr);
    return bits >> 24 != 0 && bits >> 28 < 0xE;
  }
  const in6_addr& bits = reinterpret_cast<const sockaddr_in6*>(address.socket_address())->sin6_addr;
  return !IN6_IS_ADDR_UNSPECIFIED(&bits) && !IN6_IS_ADDR_MULTICAST(&bits);
}

bool contains(const AddressList& list, const Address& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

void add_family(const FamilyAnswer& answer, int family, const AddressList& before, AddressList& fresh) {
  if (answer.kind == FamilyAnswer::Kind::addresses) {
    std::copy_if(answer.addresses.begin(), answer.addresses.end(), std::back_inserter(fresh), may_be_a_host);
  } else if (answer.kind == FamilyAnswer::Kind::failed) {
    std::copy_if(before.begin(), before.end(), std::back_inserter(fresh),
                 [family](const Address& address) { return address.family() == family; });
  }
}

bool has_host(const FamilyAnswer& answer) {
  return answer.kind == FamilyAnswer::Kind::addresses &&
         std::any_of(answer.addresses.begin(), answer.addresses.end(), may_be_a_host);
}

std::string error_of(const NameAnswer& answer) {
  if (answer.ipv4.kind == FamilyAnswer::Kind::addresses || answer.ipv6.kind == FamilyAnswer::Kind::addresses) {
    return "none of the addresses in the answer can be a host's";
  }
  return answer.ipv4.kind == FamilyAnswer::Kind::none && answer.ipv6.kind == FamilyAnswer::Kind::failed
             ? answer.ipv6.error
             : answer.ipv4.error;
}

Milliseconds pause_after(uint64_t failures) {
  return std::min(kFirstPause * (int64_t{1} << std::min<uint64_t>(failures - 1, 5)), kLongestPause);
}

}  // namespace

std::optional<AddressList> merge_answer(const AddressList& before, const NameAnswer& answer) {
  if (!has_host(answer.ipv4) && !has_host(answer.ipv6)) return std::nullopt;
  AddressList fresh;
  if (answer.ipv6_first) add_family(answer.ipv6, AF_INET6, before, fresh);
  add_family(answer.ipv4, AF_INET, before, fresh);
  if (!answer.ipv6_first) add_family(answer.ipv6, AF_INET6, before, fresh);

  AddressList merged;
  std::copy_if(before.begin(), before.end(), std::back_inserter(merged),
               [&fresh](const Address& address) { return contains(fresh, address); });
  for (const Address& address : fresh) {
    if (merged.size() >= kMostAddressesOfName) break;
    if (!contains(merged, address)) merged.push_back(address);
  }
  return merged;
}

void WatchedName::begin(SteadyTime now) {
  is_being_asked_ = true;
  asked_at_ = now;
}

bool WatchedName::end(const NameAnswer& answer, SteadyTime now, WallTime wall) {
  is_being_asked_ = false;
  std::optional<AddressList> merged = merge_answer(addresses_, answer);
  if (!merged) {
    ++failures_;
    error_ = error_of(answer);
    if (!failing_since_) failing_since_ = wall;
    due_ = now + pause_after(++failures_in_a_row_);
    return false;
  }
  failures_in_a_row_ = 0;
  error_.clear();
  failing_since_.reset();
  resolved_at_ = wall;
  due_ = now + (answer.ttl ? std::clamp<Milliseconds>(*answer.ttl, kLeastTtl, kMostTtl) : kTtlOfHostsFile);
  if (*merged == addresses_) return false;
  ++changes_;
  addresses_ = std::move(*merged);
  return true;
}

void WatchedName::on_trouble(SteadyTime now) {
  due_ = std::min(due_, std::max(now, asked_at_ + kLeastBetweenQuestions));
}

}  // namespace halfdoor
