#include "control/address_claims.h"

#include <algorithm>
#include <utility>

namespace halfdoor {

namespace {

using Claims = std::vector<AddressClaim>;

bool contains(const AddressList& list, const Address& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

bool any_wants(const Claims& claims, const Address& address) {
  return std::any_of(claims.begin(), claims.end(),
                     [&](const AddressClaim& claim) { return contains(claim.wanted, address); });
}

bool any_holds(const Claims& claims, const Address& address) {
  return std::any_of(claims.begin(), claims.end(),
                     [&](const AddressClaim& claim) { return contains(claim.held, address); });
}

bool any_has_in_writing(const Claims& claims, const Address& address) {
  return std::any_of(claims.begin(), claims.end(),
                     [&](const AddressClaim& claim) { return claim.is_literal && contains(claim.wanted, address); });
}

// Both sides want it.
Side owner_of(const std::array<Claims, 2>& sides, const Address& address) {
  for (const Side side : kSides) {
    if (any_has_in_writing(sides[index_of(side)], address)) return side;
  }
  return any_holds(sides[index_of(Side::primary)], address) ? Side::primary : Side::backup;
}

}  // namespace

void settle_claims(std::array<Claims, 2>& sides) {
  const std::array<Claims, 2> before = sides;
  for (const Side side : kSides) {
    const Claims& others = before[index_of(other_side(side))];
    for (AddressClaim& claim : sides[index_of(side)]) {
      const auto is_lost = [&](const Address& address) {
        return any_wants(others, address) && owner_of(before, address) != side;
      };
      AddressList left = claim.wanted;
      std::erase_if(left, is_lost);
      claim.is_contested = left.size() != claim.wanted.size();
      if (left.empty()) {
        left = claim.held;
        // Nor what the other side has by now.
        std::erase_if(left, [&](const Address& address) { return any_wants(others, address); });
      }
      claim.held = std::move(left);
    }
  }
}

}  // namespace halfdoor
