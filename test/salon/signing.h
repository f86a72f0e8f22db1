// Keyed signatures, password hashes and random names, all by OpenSSL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace salon {

std::string random_hex(std::size_t bytes);

// HMAC-SHA256 in hexadecimal. `purpose` keeps a signature made for one use from serving another.
std::string sign(std::string_view secret, std::string_view purpose, std::string_view text);

// Takes the same time wherever the texts differ.
bool is_same_secret(std::string_view one, std::string_view other);

// PBKDF2 with a random salt; "SALT$HASH".
std::string hash_password(std::string_view password);
bool is_password(std::string_view password, std::string_view hash);

}  // namespace salon
