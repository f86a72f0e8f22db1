// The tables of the salon, and what a new salon has in them.
#pragma once

#include <cstdint>
#include <string>

namespace salon {

class Database;

// Creates what is missing; a database that has the tables stays as it is.
void create_tables(const Database& database);

// Fills a new, empty database: lineage, first term, services, and the demo users anna, ben and carla
// (each with the own name as password).
void fill_new_salon(const Database& database, const std::string& host);

// From now on changes belong to `term`.
void begin_term(const Database& database, std::int64_t term, const std::string& host);

}  // namespace salon
