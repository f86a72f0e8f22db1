// The nearest known word for one that was mistyped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halfdoor {

// Null if none is near enough to be what was meant: more edits than a third of the word, at least two.
const std::string* nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace halfdoor
