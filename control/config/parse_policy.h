// What engine and validator ask of an epoch besides being right: locks, policy, witnesses.
#pragma once

#include <string_view>

#include "control/config/object_reader.h"

namespace flagmesh::config {

// `require_lock: [APPROVER, …]` and `require_approvals: N` (all of them when it is left out).
void parse_lock_rule(ObjectReader& reader, LockRule& out);
void parse_policy(Report& report, const flags::JsonValue& value, PolicyConfig& out);
// `witnesses: [{ url: …, key: … }]` of the engine.
void parse_witnesses(ObjectReader& reader, std::vector<WitnessConfig>& out);
// `witness_logs: [{ origin: …, keys: […] }]` of the validator.
void parse_witnessed_logs(ObjectReader& reader, std::vector<WitnessedLogConfig>& out);

// "mon-fri 08:00-18:00", "sat 00:00-24:00", "08:00-18:00" (every day). Code "bad_value".
Result<HoursConfig> parse_hours(std::string_view text);

}  // namespace flagmesh::config
