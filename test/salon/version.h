// How far a copy of the salon's data is, and whether one copy contains everything that another has.
//
// A *change* number counts every change of the data; a *term* counts the promotions. The host that was
// started as primary uses odd terms and the other even ones, so two hosts can never open the same term.
// A *lineage* is a random name given when a database is created: equal numbers of different lineages
// mean nothing. All of it is stored inside the database, so it is copied with what it describes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace salon {

class Database;

struct Version {
  std::string lineage;    // empty: no data was ever received
  std::int64_t term = 0;  // 0: no data was ever received
  std::int64_t change = 0;

  bool is_empty() const { return term == 0; }
  bool operator==(const Version&) const = default;
};

// A later term wins even with fewer changes: whoever was promoted last is right.
bool is_newer(const Version& one, const Version& other);

struct History {
  std::string lineage;
  std::int64_t change = 0;
  std::map<std::int64_t, std::int64_t> term_starts;  // term -> the change number it began after

  Version version() const;
  // True if everything a host of this version has is contained here: it never wrote beyond the change
  // after which the next term began.
  bool covers(const Version& version) const;
};

History read_history(const Database& database);

// "LINEAGE/TERM/CHANGE", the form used in the header Salon-Version.
std::string to_text(const Version& version);
std::optional<Version> parse_version(std::string_view text);

}  // namespace salon
