// A flag as the API shows it.
#pragma once

#include <string>
#include <string_view>

#include "control/engine/flag_store.h"
#include "control/flags/json_value.h"

namespace flagmesh::engine {

// {"flag":{…},"owner":"file","rollout":{…}}; `flag` is as a flag file may have it, prerequisites
// and own targeting apart.
flags::JsonValue::Object flag_json(const FlagStore::Flag& flag);

// The flag as a flag file may have it.
flags::JsonValue editable_form(const flags::FlagDefinition& flag);

// Another one whenever the flag or who owns it is: with its quotes.
std::string flag_tag(const FlagStore::Flag& flag);

// RFC 9110 §13.1.1, strong comparison; "*" is any tag that is there. `tag` is empty when there is
// no such flag.
bool matches_tag(std::string_view condition, std::string_view tag);

// RFC 7396.
flags::JsonValue merge_patch(const flags::JsonValue& target, const flags::JsonValue& patch);

// A whole number of the query, or `otherwise` when it is not there or no number up to `most`.
size_t query_number(std::string_view query, std::string_view name, size_t otherwise, size_t most);
bool query_flag(std::string_view query, std::string_view name);  // name=true, name=1

}  // namespace flagmesh::engine
