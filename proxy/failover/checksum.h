// CRC-32C (Castagnoli), RFC 3720 12.1: what tells a whole record from a torn one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace halfdoor {

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

constexpr uint32_t crc32c(std::string_view bytes) {
  constexpr std::array<uint32_t, 256> kTable = make_crc32c_table();
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}
static_assert(crc32c("123456789") == 0xE3069283U);

}  // namespace halfdoor
