// The rules of single fields that requests, responses and trailers share (RFC 9110 5, RFC 9112 5 and 6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/head.h"

namespace halfdoor {

// Errors are literals that say what is wrong; empty: nothing is.

// One field line without its CRLF: `name ":" OWS value OWS`. Control bytes in the value must have been refused already.
std::string_view parse_field_line(std::string_view line, Field& field);

// Cuts the first line off `text`, whose lines all end with CRLF.
std::string_view take_line(std::string_view& text);

enum class FieldsOutcome : uint8_t { complete, too_many, malformed };
// All lines of `text`, each ended by CRLF. `what` is set where it is malformed.
FieldsOutcome parse_fields(std::string_view text, size_t most_fields, FieldList& fields, std::string_view& what);

// Whether a host that maps names to variables (CGI, WSGI: everything but letters and digits becomes "_") would take
// this name for a field that the proxy acts upon, while the proxy itself does not: "Content_Length", "X.HTTP.Method".
bool is_alias_of_known_field(std::string_view name);

// Digits only, at most 2^63-1. Leading zeros are accepted.
std::optional<uint64_t> parse_content_length(std::string_view value);

enum class TransferCoding : uint8_t {
  chunked,      // exactly that
  unsupported,  // well-formed, but something else
  malformed,
};
TransferCoding classify_transfer_coding(std::string_view value);

// What the Connection fields say together.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool too_many = false;  // more than anybody means well with
};
ConnectionOptions read_connection_options(const FieldList& fields);

// HTTP-version of RFC 9112 2.3: "HTTP/" DIGIT "." DIGIT.
struct Version {
  int major = 0;
  int minor = 0;
};
std::optional<Version> parse_version(std::string_view text);

// Framing, routing, authorisation and the like: never in trailers (RFC 9110 6.5.1).
bool is_forbidden_in_trailers(const Field& field);

}  // namespace halfdoor
