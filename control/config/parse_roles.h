// The sections other than `proxy`: each reads one and leaves the defaults of what it does not find.
#pragma once

#include "control/config/config.h"
#include "control/config/object_reader.h"

namespace flagmesh::config {

void parse_flags(Report& report, const flags::JsonValue& value, FlagsConfig& out);
void parse_trust(Report& report, const flags::JsonValue& value, TrustConfig& out);
void parse_redis(Report& report, const flags::JsonValue& value, RedisConfig& out);
void parse_engine(Report& report, const flags::JsonValue& value, EngineConfig& out);
void parse_validator(Report& report, const flags::JsonValue& value, ValidatorConfig& out);
void parse_admin(Report& report, const flags::JsonValue& value, AdminConfig& out);
void parse_log(Report& report, const flags::JsonValue& value, LogConfig& out);

// A list of verifier keys of the given types. No key is there twice.
void parse_keys(ObjectReader& reader, std::string_view name,
                std::initializer_list<merkle::SignatureType> types,
                std::vector<merkle::VerifierKey>& out);

}  // namespace flagmesh::config
