// Signatures and password hashes.
#include "signing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace salon {

namespace {

// Few for a real shop, but every login runs on the one event loop of the demo.
constexpr int password_iterations = 10000;

std::string to_hex(const unsigned char* bytes, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    hex.push_back(digits[bytes[i] >> 4]);
    hex.push_back(digits[bytes[i] & 15]);
  }
  return hex;
}

std::string stretch(std::string_view password, std::string_view salt) {
  std::array<unsigned char, 32> hash{};
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                        password_iterations, EVP_sha256(), hash.size(), hash.data()) != 1) {
    throw std::runtime_error("OpenSSL cannot compute PBKDF2");
  }
  return to_hex(hash.data(), hash.size());
}

}  // namespace

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) throw std::runtime_error("no random bytes");
  return to_hex(random.data(), bytes);
}

std::string sign(std::string_view secret, std::string_view purpose, std::string_view text) {
  std::string message;
  message.reserve(purpose.size() + 1 + text.size());
  message.append(purpose).push_back('\0');
  message.append(text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA256");
  }
  return to_hex(mac.data(), size);
}

bool is_same_secret(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string hash_password(std::string_view password) {
  const std::string salt = random_hex(16);
  return salt + "$" + stretch(password, salt);
}

bool is_password(std::string_view password, std::string_view hash) {
  const std::size_t dollar = hash.find('$');
  if (dollar == std::string_view::npos) return false;
  return is_same_secret(stretch(password, hash.substr(0, dollar)), hash.substr(dollar + 1));
}

}  // namespace salon
